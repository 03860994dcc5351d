"""Prometheus' text format, version 0.0.4: values of labels that can break no line, and numbers."""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from functools import lru_cache

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LONGEST = 128
"""Characters of a label's value."""
_PLAIN = re.compile(r"[A-Za-z0-9_.:/ -]{1,128}")
_MARKED = re.compile(r".*~[0-9a-f]{16}", re.DOTALL)
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@lru_cache(maxsize=4096)
def label(text: str) -> str:
    r"""A label's value as it stands between quotes; different texts stay different.

    What cannot stand there (control characters, halves of a surrogate pair) is replaced, and what is long is cut; such
    a value ends with `~` and a digest of the whole text.

    >>> print(label('say "no"'), label("a\nb"), label("a\0b"))
    say \"no\" a\nb a�b~59b271ae1bbcb1d3
    """
    if _PLAIN.fullmatch(text):
        return text
    clean = "".join("\ufffd" if _unwritable(each) else each for each in text[:LONGEST])
    if clean != text or _MARKED.fullmatch(text):
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        clean = f"{clean[: LONGEST - 17]}~{digest}"
    return clean.translate(_ESCAPES)


def _unwritable(character: str) -> bool:
    return character != "\n" and unicodedata.category(character) in ("Cc", "Cs")


def number(value: float) -> str:
    """A number as it stands behind the labels.

    >>> number(1), number(.25), number(float("nan")), number(float("-inf"))
    ('1', '0.25', 'NaN', '-Inf')
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return repr(value)
