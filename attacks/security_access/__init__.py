"""Check service 0x27: seeds, keys, attempts."""
