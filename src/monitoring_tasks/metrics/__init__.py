"""What Prometheus scrapes: families of figures about every monitor, from the store in a query each."""
