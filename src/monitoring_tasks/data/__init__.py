"""Where rows come from: sources and the connections that open them."""
