"""Questions and changes about the database itself: what it is, its key, its time zone."""
