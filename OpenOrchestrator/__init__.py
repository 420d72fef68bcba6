"""OpenOrchestrator: orchestrates Python robots through one shared SQL database.

Importing this package imports nothing else, so that a robot pays only for what it uses.
"""

__version__ = "4.0.0"
