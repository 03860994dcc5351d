"""`python -m bench`: generate the data, run every contender in a process of its own, print one table."""

from __future__ import annotations
