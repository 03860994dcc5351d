"""Whether a text is JSON as RFC 8259 has it, told alike by every engine that reads rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import orjson

MOST_BRACKETS = 5000
"""A text with more opening brackets has no value: databases read brackets within brackets on a stack of theirs."""

# What orjson refuses though it is JSON: halves of surrogate pairs, numbers that no float holds, and depth.
_REFUSED = re.compile(rb"\\u[dD]|[0-9][eE]|[0-9]{300}")
_DEPTH = 1000
_TOKEN = re.compile(
    rb"""[ \t\n\r]*+(?:
        (?P<text>"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+")
        |(?P<plain>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][-+]?+[0-9]++)?+|true|false|null)
        |(?P<mark>[][{},:]))""",
    re.VERBOSE,
)
_BLANK = b" \t\n\r"


def is_json(text: bytes) -> bool | None:
    """Whether a text is one JSON value, blanks around it allowed; None beyond `MOST_BRACKETS` opening brackets.

    The grammar decides: numbers may be of any size, names may come twice, an escape may be half of a surrogate pair.

    >>> is_json(b' {"a": [1e999, "\\\\ud800"]} '), is_json(b"NaN"), is_json(b"[" * 6000)
    (True, False, None)
    """
    brackets = text.count(b"[") + text.count(b"{")
    if brackets > MOST_BRACKETS:
        return None
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return (brackets > _DEPTH or _REFUSED.search(text) is not None) and _follows_grammar(text)
    return True


_CLOSES = {b"]": b"[", b"}": b"{"}


def _follows_grammar(text: bytes) -> bool:
    """Without recursion, whatever the depth."""
    brackets, allowed = [b""], "value"
    for token in _tokens(text):
        if token not in _ALLOWED[allowed]:
            return False
        if token in (b"[", b"{"):
            brackets.append(token)
        elif token in _CLOSES and brackets.pop() != _CLOSES[token]:
            return False
        allowed = _next(token, allowed, brackets[-1])
    return allowed == "end"


_ALLOWED: Mapping[str, tuple[bytes, ...]] = {
    "value": (b"text", b"plain", b"[", b"{"),
    "first value": (b"text", b"plain", b"[", b"{", b"]"),
    "first name": (b"text", b"}"),
    "name": (b"text",),
    "colon": (b":",),
    "more": (b",", b"]", b"}"),
    "end": (),
}


def _next(token: bytes, allowed: str, within: bytes) -> str:
    """What may follow a token, given what was allowed there and the bracket that is open after it."""
    if token == b"[":
        return "first value"
    if token == b"{":
        return "first name"
    if token == b",":
        return "name" if within == b"{" else "value"
    if token == b":":
        return "value"
    if token == b"text" and allowed in ("name", "first name"):
        return "colon"
    return "more" if within else "end"


def _tokens(text: bytes) -> Iterator[bytes]:
    """Each token: a mark as it is, any other by its kind; what is no token as nothing that is ever allowed."""
    place, end = 0, len(text.rstrip(_BLANK))
    while place < end:
        found = _TOKEN.match(text, place)
        if found is None:
            yield b"?"
            return
        place = found.end()
        yield found["mark"] or (b"text" if found["text"] is not None else b"plain")
