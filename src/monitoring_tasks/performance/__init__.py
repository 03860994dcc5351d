"""Performance with labels that come late: pure statistics on predictions and the outcomes known of them."""
