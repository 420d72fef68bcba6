"""What the tables look like at each revision, and how a database gets there."""
