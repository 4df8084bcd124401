"""Check sessions and their end."""
