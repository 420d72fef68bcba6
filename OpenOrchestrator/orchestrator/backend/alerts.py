"""Alerts of robots, as pages of several nouns show them."""

from OpenOrchestrator.database.stores.job_reports import Alert

__all__ = ["Alert"]
