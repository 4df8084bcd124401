"""Send requests that nobody foresaw."""
