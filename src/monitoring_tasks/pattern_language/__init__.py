"""A small regular language: read into a tree, weighed, and written out for each engine that looks for it."""
