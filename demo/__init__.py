"""The demonstration: a champion trained on real flights, and the rest of 2013 as its production."""
