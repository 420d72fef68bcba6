"""First run, database, key and settings of the app."""
