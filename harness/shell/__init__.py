"""The tester's hand: an ECU is asked line by line, by a person or a script, and recorded exchanges are repeated."""
