"""Missing values in words: of one column, and of several that lack them in the same rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from monitoring_tasks.checks import Check, Status

Finding = Mapping[str, Any]
"""A check's result, or a finding of a verdict, as JSON."""
Alike = tuple[str, str | float]
NAMED = 5
MOST_DIGITS = 6
_HEADING = re.compile(r"(values of ([0-9]+) columns are missing(?: together)?), in ")


def percent(share: float, digits: int = 2) -> str:
    """A share in per cent with so many digits that count, or more where fewer would make all of what is not all.

    >>> percent(0.0539568), percent(0.0039), percent(0.5), percent(0.9991), percent(1.0), percent(0.0), percent(1e-7)
    ('5.4%', '0.39%', '50%', '99.9%', '100%', '0%', '0.00001%')
    """
    text = f"{Decimal(f'{100 * share:.{digits}g}').normalize():f}"
    return percent(share, digits + 1) if text == "100" and share < 1 and digits < MOST_DIGITS else f"{text}%"


def percents(share: float, other: float) -> tuple[str, str]:
    """Two shares with as many digits as it takes to tell them apart, two at least and six at most.

    >>> percents(0.054, 0.012), percents(0.05396, 0.05391)
    (('5.4%', '1.2%'), ('5.4%', '5.39%'))
    """
    digits = next((each for each in range(2, MOST_DIGITS) if percent(share, each) != percent(other, each)), MOST_DIGITS)
    return percent(share, digits), percent(other, digits)


def usual(finding: Finding) -> float | None:
    """The share of values that the baseline lacks; None where only what is allowed is known."""
    effect, value = (finding.get("evidence") or {}).get("effect"), finding.get("value")
    return None if effect is None or value is None else max(round(value - effect, 12), 0.0)


def measured(finding: Finding) -> str:
    """How many of a column's values are missing, against its baseline, or against what is allowed.

    Empty where either is not known.

    >>> measured({"value": 0.054, "threshold": 0.062, "evidence": {"effect": 0.042}})
    '5.4% against 1.2% in its baseline'
    >>> measured({"value": 0.054, "threshold": 0.05, "evidence": None})
    '5.4% against 5% allowed'
    """
    value, threshold, own = finding.get("value"), finding.get("threshold"), usual(finding)
    if value is None or threshold is None:
        return ""
    share, other = percents(value, threshold if own is None else own)
    return f"{share} against {other} {'allowed' if own is None else 'in its baseline'}"


def alike(finding: Finding) -> Alike | None:
    """What findings of missing values have in common that are told as one: their cause, else an equal share.

    A cause in the same words says that they are missing in the same rows; of an equal share nothing else is known. None
    for any other finding.
    """
    failed = finding.get("status", Status.FAILED) == Status.FAILED and finding.get("value") is not None
    known = finding["check"] == Check.MISSING_SHARE and failed and finding["column"]
    return ("missing", finding.get("cause") or finding["value"]) if known else None


def missing_lines(findings: Iterable[Finding]) -> dict[str, str]:
    """By column the line in which its missing values are told with those of others; those told alone are left out."""
    groups: dict[Alike | None, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(alike(finding), []).append(finding)
    several = [group for key, group in groups.items() if key is not None and len(group) > 1]
    return {str(finding["column"]): line for group in several for line in [missing_line(group)] for finding in group}


def missing_line(group: Sequence[Finding]) -> str:
    """Several columns whose values are missing, in one line: in how many rows, and the first of them by name.

    >>> found = {"check": "missing_share", "status": "failed", "value": 0.054, "threshold": 0.05, "cause": "a log"}
    >>> missing_line([{**found, "column": name} for name in "ab"])
    'values of 2 columns are missing together, in 5.4% of the rows (5% allowed): a, b'
    """
    columns = [str(each["column"]) for each in group]
    together, apart = (" together", "") if all(each.get("cause") for each in group) else ("", " each")
    more = f" and {len(columns) - NAMED} more" if len(columns) > NAMED else ""
    heading = f"values of {len(columns)} columns are missing{together}"
    shares = f"{_between([each['value'] for each in group])} of the rows{apart}"
    return f"{heading}, in {shares}{_compared(group)}: {', '.join(columns[:NAMED])}{more}"


def _compared(group: Sequence[Finding]) -> str:
    own = [share for each in group if (share := usual(each)) is not None]
    if len(own) == len(group):
        return f" ({_between(own)} in the baseline)"
    allowed = [each["threshold"] for each in group if each["threshold"] is not None]
    return f" ({_between(allowed)} allowed)" if allowed else ""


def _between(shares: Sequence[float]) -> str:
    ends = dict.fromkeys((percent(min(shares)), percent(max(shares))))
    return " to ".join(ends)


def heading(reason: str) -> tuple[str, int] | None:
    """What a line about several columns says is wrong, and of how many columns; None for any other sentence.

    >>> heading("values of 8 columns are missing together, in 5.4% of the rows (1.2% in the baseline): a, b")
    ('values of 8 columns are missing together', 8)
    """
    found = _HEADING.match(reason)
    return (found[1], int(found[2])) if found else None
