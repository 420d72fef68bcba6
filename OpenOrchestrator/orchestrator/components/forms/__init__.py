"""Parts of forms: fields, checks, drawers and questions."""
