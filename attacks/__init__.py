"""The shipped checks. A folder is a kind of weakness; a file is a service or one weakness."""
