"""What coming runs ask the database, and how they are worked out."""
