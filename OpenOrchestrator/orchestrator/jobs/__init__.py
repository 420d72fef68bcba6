"""Jobs: list, page, output and what can be done with them."""
