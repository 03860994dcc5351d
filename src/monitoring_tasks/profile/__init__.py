"""Rows to profile, and profile against profile to score."""
