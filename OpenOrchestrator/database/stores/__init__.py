"""Data access, one module per noun: functions that take an open session and never commit."""
