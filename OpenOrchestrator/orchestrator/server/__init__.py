"""The process that serves the app: its address, what it keeps on disk, how it is shown, and how it is doing."""
