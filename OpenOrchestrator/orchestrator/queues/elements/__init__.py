"""One queue element: its page, its form, and what is done with one or many of them."""
