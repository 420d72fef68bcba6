"""Questions about schedulers to the database."""
