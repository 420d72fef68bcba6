"""Questions and changes about jobs in the database."""
