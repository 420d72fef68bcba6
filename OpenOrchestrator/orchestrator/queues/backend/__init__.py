"""Questions and changes about queues in the database."""
