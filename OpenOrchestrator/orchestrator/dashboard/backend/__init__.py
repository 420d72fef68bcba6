"""Questions of the dashboard to the database."""
