"""What the API answers: the shapes of its JSON, by subject."""
