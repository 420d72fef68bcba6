"""The site as a file: what is set in a database as YAML, what a file would change, and changing it."""
