"""The shipped checks: the tree is the catalogue's table of contents."""
