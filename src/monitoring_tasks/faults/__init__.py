"""What probably went wrong: pure functions that recognise known faults in a window."""
