"""Learn an ECU's state machine from its answers, and judge the learned machine."""
