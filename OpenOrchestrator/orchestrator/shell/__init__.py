"""What stands around every page and knows all of them."""
