"""Constants and credentials."""
