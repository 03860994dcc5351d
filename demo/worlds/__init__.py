"""Two more worlds, each a monitor by YAML alone: what a language model answers, and fraud."""
