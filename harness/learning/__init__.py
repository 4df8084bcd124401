"""Learn an ECU's state machine by asking it, and judge what was learned."""
