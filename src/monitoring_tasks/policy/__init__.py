"""Check results to verdict and action: pure functions."""
