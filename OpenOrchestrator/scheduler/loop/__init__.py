"""From what is due to what runs, again and again, until asked to stop."""
