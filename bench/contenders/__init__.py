"""Who competes: a contender is a generator over `Data` that yields the name of each step when it is done."""
