"""Calendars: the open and closed days that scheduled triggers follow."""
