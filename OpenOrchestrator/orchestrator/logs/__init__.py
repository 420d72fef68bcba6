"""Log lines: page and export."""
