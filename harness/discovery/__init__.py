"""From an interface to a target file: which ECUs are there, and what do they offer?"""
