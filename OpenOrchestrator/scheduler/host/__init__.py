"""The robot host: a process of its own that owns one robot. Standard library only."""
