"""What keeps a scheduler alive in the eyes of the others: its name, its heartbeat, the leases of its jobs."""
