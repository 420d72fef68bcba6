"""The first page: what happened, what needs somebody, what comes."""
