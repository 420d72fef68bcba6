"""Chaos: schedulers, robots and queue workers as a site has them, under everything that breaks, and the books after it.

Each module does one thing: ``plan`` chooses disturbances, ``disturbances`` carries them out on ``machines``, ``links``
and a ``cluster`` of its own; ``workload`` gives the robots something to do; ``watch`` looks on; ``books`` compares what
the database says with what the robots did; ``report`` makes figures of that; ``run`` puts it together.
"""
