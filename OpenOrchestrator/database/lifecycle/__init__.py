"""What happens to triggers, jobs and queue elements from a claim to its end."""
