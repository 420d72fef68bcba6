"""Worker machines and their heartbeats."""
