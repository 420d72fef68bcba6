"""Notes, owner and tags of triggers, queues, constants and credentials."""
