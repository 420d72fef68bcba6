"""Programs that each drain a queue as one process of several, one program for each library; see ``benchmarks.work``.

Run by their path, each with the Python of an environment of its own, so they import nothing of the checkout by name.
"""
