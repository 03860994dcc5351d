"""The champion: where it is recorded and how it is replaced."""
