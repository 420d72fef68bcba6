"""Searching columns for text as people mean it, as the whole library does."""

from OpenOrchestrator.database.engine.text_search import contains

__all__ = ["contains"]
