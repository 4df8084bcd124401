"""The client side of UDS."""
