"""The self-test of a monitor: labelled faults put into copies of a window's rows, and how soon they are found."""
