"""Measures OpenOrchestrator beside the raw driver doing the same work in the same run.

Run with ``python -m benchmarks``; see ``python -m benchmarks --help``.
"""
