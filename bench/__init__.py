"""What a new window costs, against other ways to the same answer: `make bench` prints one table."""
