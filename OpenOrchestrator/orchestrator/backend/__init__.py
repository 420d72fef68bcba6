"""What the pages ask for: plain async classes over a Database and a Clock, returning frozen rows and no sessions."""
