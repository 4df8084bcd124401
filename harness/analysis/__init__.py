"""What recorded numbers prove; stands on data alone."""
