"""The library that robots use."""
