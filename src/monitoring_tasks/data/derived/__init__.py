"""Derived columns: what is computed of logged columns, row by row, alike in files and databases."""
