"""Evidently reports over profiles, and what they found."""
