"""Which due triggers this scheduler takes."""
