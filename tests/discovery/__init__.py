"""From a bus to a target file."""
