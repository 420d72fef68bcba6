"""Questions and changes about constants and credentials in the database."""
