"""What a reader sees of a run, also of one that another machine made: audit.html, and the lines in the terminal."""
