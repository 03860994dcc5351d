"""Phrases by which a language model declines to answer, in six languages: what `<refusals>` stands for."""

from __future__ import annotations

REFUSALS: tuple[str, ...] = ("as an AI",)
