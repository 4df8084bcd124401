"""Show a run, made on this or another machine, to its readers: audit.html, other reports, and the lines in the terminal."""
