"""From verdicts to incidents and what is told of them: pure functions, without clock or I/O."""
