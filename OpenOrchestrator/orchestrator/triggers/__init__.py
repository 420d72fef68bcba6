"""Triggers: list, page, form and what can be done with them."""
