"""Where constants, credentials and queues are used."""
