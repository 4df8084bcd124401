"""Go from an interface to a target file: find the ECUs of a bus, and what each of them offers."""
