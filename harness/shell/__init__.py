"""Let a person or a script ask an ECU line by line, and repeat recorded exchanges."""
