"""Categories under another name: the same written another way, or an unseen one in the place of one that vanished."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from monitoring_tasks.faults.cause import Cause, Fault, in_percent, shown
from monitoring_tasks.profile.binning import CategoryBins
from monitoring_tasks.profile.pairs import Pair
from monitoring_tasks.profile.profile import CategoryProfile

FEWEST = 3
"""Fewer rows of an unseen category say nothing."""
VANISHED = 0.15
"""What is left at most of a category's share, when it vanished."""
EXPECTED = 20
"""So many rows of a category were expected at least, when it vanished."""
LEAST = 0.005
"""Least share of such a category: rare ones come and go, and some go as others come."""
BETTER = 16.0
"""Chi-square by which a rename fits better than a new category that takes from all alike."""
_WHOLE = re.compile(r"([+-]?)0*(\d+)(\.0+)?")


@dataclass(frozen=True)
class _Counts:
    """Rows of each category on both sides; `unseen` are those that the baseline does not have."""

    reference: Mapping[str, int]
    current: Mapping[str, int]
    unseen: Mapping[str, int]
    total: int
    """The window's rows with a value, those in further unseen categories among them."""

    @property
    def before(self) -> int:
        return sum(self.reference.values())


def _counts(pair: Pair) -> _Counts | None:
    bins, reference, current = pair
    if not isinstance(bins, CategoryBins) or not isinstance(reference, CategoryProfile):
        return None
    if not isinstance(current, CategoryProfile) or not reference.counts.any():
        return None
    known = dict(zip(bins.values, reference.counts.tolist(), strict=True))
    now = dict(zip(bins.values, current.counts.tolist(), strict=True))
    total = sum(now.values()) + sum(current.unseen.values()) + current.other
    # A trailing baseline may have categories that the bins lack: they are not new.
    unseen = {name: count for name, count in current.unseen.items() if count and name not in reference.unseen}
    return _Counts(known, now, unseen, total) if total else None


def plain_form(text: str) -> str:
    """What stays of a category when case, accents, spaces, and the zeros around a whole number do not matter.

    >>> plain_form(" Zürich  HB ") == plain_form("ZURICH hb"), plain_form("007.0")
    (True, '7')
    """
    bare = "".join(each for each in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(each))
    words = " ".join(re.sub(r"[\s_-]+", " ", bare.casefold()).split())
    number = _WHOLE.fullmatch(words)
    return number[1].replace("+", "") + number[2] if number else words


def case_change(column: str, pair: Pair) -> Cause | None:
    """Unseen categories that are known ones in other letters, when they are most of what is unseen."""
    counts = _counts(pair)
    if counts is None:
        return None
    known = {plain_form(name): name for name, count in counts.reference.items() if count}
    forms = {name: known[plain_form(name)] for name in counts.unseen if plain_form(name) in known}
    rows = sum(counts.unseen[name] for name in forms)
    unseen = counts.total - sum(counts.current.values())
    if rows < FEWEST or rows < 0.5 * unseen:
        return None
    most = max(forms, key=lambda name: (counts.unseen[name], name))
    share = rows / counts.total
    words = (
        f"{shown(column)}: {in_percent(share)} of the values are known categories written another way, as "
        f"{shown(repr(most))} for {shown(repr(forms[most]))}{_more(len(forms))} (case, spaces or accents changed?)"
    )
    return Cause(Fault.CASE_CHANGE, column, share, words.replace("all of the", "all"))


def _more(count: int) -> str:
    return f" and {count - 1} more" if count > 1 else ""


def rename(column: str, pair: Pair) -> Cause | None:
    """Unseen categories that took over the share of known ones, each from one."""
    counts = _counts(pair)
    if counts is None:
        return None
    named = _takeovers(counts) or _partly(counts)
    unseen = counts.total - sum(counts.current.values())
    rows = sum(counts.unseen[new] for new in named)
    if not named or rows < 0.5 * unseen:
        return None
    most = max(named, key=lambda new: (counts.unseen[new], new))
    share = rows / counts.total
    words = (
        f"{shown(column)}: {shown(repr(most))} took the place of {shown(repr(named[most]))}{_more(len(named))} in "
        f"{in_percent(share)} of the rows (a rename?)"
    )
    return Cause(Fault.RENAME, column, share, words.replace("all of the", "all"))


def _takeovers(counts: _Counts) -> dict[str, str]:
    """New name of each vanished category whose share an unseen one has, closest shares first."""
    gone = {name: expected for name in counts.reference if (expected := _vanished(counts, name))}
    matches = sorted(
        (abs(rows + counts.current[old] - expected) / expected, new, old)
        for old, expected in gone.items()
        for new, rows in counts.unseen.items()
        if abs(rows + counts.current[old] - expected) <= _slack(counts, old, expected)
    )
    named: dict[str, str] = {}
    for _, new, old in matches:
        if new not in named and old not in named.values():
            named[new] = old
    return named


def _vanished(counts: _Counts, name: str) -> float:
    """Rows that a vanished category should have; 0 when it is still there, or was rare."""
    expected = counts.reference[name] / counts.before * counts.total
    common = expected >= max(EXPECTED, LEAST * counts.total)
    return expected if common and counts.current[name] <= VANISHED * expected else 0.0


def _slack(counts: _Counts, name: str, expected: float) -> float:
    """How far a share may be off by chance, and by a little ordinary change."""
    chance = math.sqrt(expected + expected**2 / max(counts.reference[name], 1))
    return 3 * chance + 0.15 * expected


def _partly(counts: _Counts) -> dict[str, str]:
    """The most frequent unseen category with the one whose rows it took, where that is far likelier than from all."""
    new = max(counts.unseen, key=lambda name: (counts.unseen[name], name), default=None)
    if new is None or counts.unseen[new] < max(EXPECTED, LEAST * counts.total):
        return {}
    fits = sorted((_misfit(counts, counts.unseen[new], old), old) for old, rows in counts.reference.items() if rows)
    alike = _misfit(counts, counts.unseen[new], None)
    if len(fits) < 2 or fits[0][0] > min(alike, fits[1][0]) - BETTER or fits[0][0] > _usual_misfit(counts, alike):
        return {}
    return {new: fits[0][1]}


def _misfit(counts: _Counts, taken: int, old: str | None) -> float:
    """Chi-square of the known categories when `taken` rows came from one of them, or from all alike (None)."""
    left = sum(counts.current.values())
    rows = left + taken if old is not None else left
    total = 0.0
    for name, before in counts.reference.items():
        expected = before / counts.before * rows - taken * (name == old)
        error = max(expected, 0.5) + before * (rows / counts.before) ** 2
        total += (counts.current[name] - expected) ** 2 / error
    return total


def _usual_misfit(counts: _Counts, alike: float) -> float:
    """What chance and a little drift leave: chi-square at about one in a thousand, or a third of what there was."""
    degrees = len(counts.reference)
    return max(degrees + 3.1 * math.sqrt(2 * degrees) + 3, alike / 3)
