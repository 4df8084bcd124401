"""UDS servers that strangers wrote: what is discovered and judged of them, held against their source."""
