"""Processes of this machine: which is which, and which belong to a run."""
