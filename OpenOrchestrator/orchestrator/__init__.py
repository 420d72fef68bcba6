"""The admin app: what an operations team does in a day, in a browser or a desktop window."""
