"""What can be typed behind `uds-harness`? One file a command; heavy imports wait until it runs."""
