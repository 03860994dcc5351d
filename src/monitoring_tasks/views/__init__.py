"""What pages, the JSON API and metrics show, as plain data: pure functions of what the store holds."""
