"""Keep what a run leaves: its findings, its folder and the folder's lock; and remove secrets from all of it."""
