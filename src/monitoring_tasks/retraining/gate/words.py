"""Figures and names as people read them."""

from __future__ import annotations

import math

from monitoring_tasks.retraining.gate.verdict import Comparison

LONGEST = 60
_METHODS = {"day blocks": "day blocks", "rows": "independent rows", "delong": "DeLong"}


def figure(value: float, decimals: int = 3, *, sign: bool = False) -> str:
    """A number without a leading zero.

    >>> figure(0.7531), figure(0.025, sign=True), figure(-0.5, 1), figure(1234.5, 0)
    ('.753', '+.025', '-.5', '1234')
    """
    text = f"{value:{'+' if sign else ''}.{decimals}f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 and text.lstrip("+-").startswith("0.") else text


def decimals(error: float | None) -> int:
    """Decimals that show two digits of a standard error, at least 3 below 1 and at most 8.

    >>> decimals(0.011), decimals(0.0004), decimals(25.0), decimals(3.1), decimals(None)
    (3, 5, 0, 1, 3)
    """
    if error is None or error <= 0:
        return 3
    places = 1 - math.floor(math.log10(error))
    return max(places, 0) if error >= 1 else min(max(places, 3), 8)


def shown(text: str) -> str:
    """A name that came with the data, fit for one line of a log: no control characters, not too long.

    >>> shown("JFK"), shown("a\\nb"), len(shown("x" * 100))
    ('JFK', 'a?b', 60)
    """
    plain = "".join(each if each.isprintable() else "?" for each in text[: LONGEST + 1])
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"


def percent(share: float) -> str:
    """A share in percent.

    >>> percent(0.95), percent(0.999)
    ('95 %', '99.9 %')
    """
    return f"{100 * share:.10g} %"


def compared(found: Comparison, confidence: float) -> str:
    """Both sides' values, their difference and its interval as one clause.

    >>> compared(Comparison("auc", 0.728, 0.753, 0.025, 0.003, 0.046, 0.011, 30, "day blocks", 28280, 31), 0.95)
    'auc .753 against .728: better by .025 [+.003, +.046] (95 %, day blocks, 28280 rows of 31 days)'
    """
    size = f"{found.rows} rows" + ("" if found.days is None else f" of {found.days} days")
    if found.champion is None or found.challenger is None or found.difference is None:
        return f"{found.name} is undefined ({size})"
    places = decimals(found.standard_error)
    values = f"{found.name} {figure(found.challenger, places)} against {figure(found.champion, places)}"
    return f"{values}: {_change(found.difference, places)} {_interval(found, confidence, places)}, {size})"


def _change(difference: float, places: int) -> str:
    if difference == 0:
        return "no difference"
    return f"{'better' if difference > 0 else 'worse'} by {figure(abs(difference), places)}"


def _interval(found: Comparison, confidence: float, places: int) -> str:
    if found.low is None or found.high is None:
        return "(no interval from so few"
    bounds = f"[{figure(found.low, places, sign=True)}, {figure(found.high, places, sign=True)}]"
    return f"{bounds} ({percent(confidence)}, {_METHODS[found.method]}"
