"""What pages stand on: fresh data while they are open, and an address that says what they show."""
