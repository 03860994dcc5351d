"""Messages about verdicts and the channels that carry them."""
