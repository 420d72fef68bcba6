"""Queues and their elements: lists, pages, forms, import and export."""
