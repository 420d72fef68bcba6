"""The daemon of a worker machine: claims due triggers and runs their robots as supervised processes."""
