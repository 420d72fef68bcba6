"""Questions and changes about triggers in the database."""
