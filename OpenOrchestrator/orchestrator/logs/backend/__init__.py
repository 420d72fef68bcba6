"""Questions about logs to the database."""
