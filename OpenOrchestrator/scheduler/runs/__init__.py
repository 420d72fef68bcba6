"""One run of a robot on this machine, from its start to its stored end."""
