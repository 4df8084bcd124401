"""Send requests and frames that no developer foresaw."""
