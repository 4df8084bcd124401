"""Keep what a run leaves: findings, its folder and lock, and what of it may be shown."""
