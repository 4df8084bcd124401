"""Who may read, write and run what."""
