"""The command line: one module per command, and the composition root of the program."""
