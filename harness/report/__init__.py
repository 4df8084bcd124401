"""Show a run to its readers, also one that another machine made: audit.html, and the lines in the terminal."""
