"""What a scheduler finds when it starts again."""
