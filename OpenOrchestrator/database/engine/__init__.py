"""Talking to any of the four kinds of databases: connections, transactions, dialects."""
