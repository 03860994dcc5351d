"""What an ordinary window looks like, and how unlike one a window is: pure functions of profiles."""
