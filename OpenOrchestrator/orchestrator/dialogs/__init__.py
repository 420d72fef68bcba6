"""Forms and questions that pages open."""
