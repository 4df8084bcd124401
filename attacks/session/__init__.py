"""Sessions and their end."""
