"""The history of a model's champions: who put which commit in place, when, why, and on what figures."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from monitoring_tasks.errors import ReferenceInvalid
from monitoring_tasks.performance_section import metric_name
from monitoring_tasks.policy.narrative import plain
from monitoring_tasks.retraining.command import execute
from monitoring_tasks.retraining.registry import Champion, no_champion
from monitoring_tasks.retraining.repository import READ_SECONDS, bare_clone, require_sound
from monitoring_tasks.retraining.tags import champion_numbers, tag_patterns, tagged_commits, version_tag
from monitoring_tasks.window import stamp

LONGEST = 300
"""So many characters of a reason, a name or figures are shown."""
PROMOTION, ROLLBACK = "promotion", "rollback"
_LAST_SECOND = 253402300799  # of the year 9999
# NUL ends each field: a tag's message can hold every other character.
_FIELDS = ("refname:strip=2", "objecttype", "taggername", "creatordate:unix", "contents:subject")


@dataclass(frozen=True)
class Assignment:
    """One time a commit became champion: the tag `<model>#champion#<number>` on `revision`.

    `version` is the name of the commit's highest version tag, such as v1.1.0; None when it has none. `moment` is the
    tag's date, for a tag without an object of its own the commit's. `by` and `reason` are the decision's; of a tag
    written by hand its author, and the first line of its message. `details` is the JSON object that the message is, {}
    when it is none.
    """

    model: str
    number: int
    revision: str
    version: str | None
    moment: datetime
    by: str
    reason: str
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def champion(self) -> Champion:
        """The champion it made."""
        tag = f"{self.model}@{self.version}" if self.version else None
        return Champion(self.model, self.number, self.revision, tag)

    def to_json(self) -> dict[str, Any]:
        """The assignment as plain JSON values; `name` is the champion's whole version name."""
        return {**vars(self), "moment": stamp(self.moment), "name": self.champion.version}


def history(repository: str, model: str) -> list[Assignment]:
    """Every assignment of `model`, the one in use first.

    Raises `ReferenceUnavailable` when the repository does not answer, `ReferenceInvalid` when it has no champion.
    """
    require_sound(repository=repository, model=model)
    with bare_clone(repository) as clone:
        assignments = read_history(clone, model)
    if not assignments:
        raise ReferenceInvalid(no_champion(repository, model))
    return assignments


def read_history(clone: Path, model: str) -> list[Assignment]:
    """Every assignment of `model` in a copy of its repository, the one of highest number first; [] when there is none.

    The number decides, as for `find_champion`, whatever the tags' dates say.
    """
    commits = tagged_commits(str(clone), model)
    tags = read_tags(clone, model)
    made = []
    for number, commit in sorted(champion_numbers(model, commits).items(), reverse=True):
        tag = version_tag(model, commits, commit)
        told = tags[f"{model}#champion#{number}"]
        version = tag.rpartition("@")[2] if tag else None
        made.append(Assignment(model, number, commit, version, told.moment, told.by, told.reason, told.details))
    return made


@dataclass(frozen=True)
class Told:
    """What one tag says beside its commit."""

    moment: datetime
    by: str
    reason: str
    details: Mapping[str, Any]


def read_tags(clone: Path, model: str) -> dict[str, Told]:
    """What the champion and version tags of `model` say, by name."""
    form = "".join(f"%({name})%00" for name in _FIELDS)
    listing = ["git", "for-each-ref", f"--format={form}", "--", *tag_patterns(model)]
    fields = execute(listing, seconds=READ_SECONDS, about="the copy of the registry", folder=clone).split("\0")
    rows = zip(*[iter(fields)] * len(_FIELDS), strict=False)
    return {name.lstrip("\n"): _told(*told) for name, *told in rows}


def _told(kind: str, tagger: str, seconds: str, subject: str) -> Told:
    moment = datetime.fromtimestamp(min(int(seconds or 0), _LAST_SECOND), UTC)
    if kind != "tag":  # its text and date are the commit's, which says nothing of who assigned it
        return Told(moment, "", "", {})
    details = _decision(subject)
    return Told(moment, _text(details, "by") or tagger, _text(details, "reason") if details else subject, details)


def _decision(text: str) -> dict[str, Any]:
    """The JSON object that a message is; {} for anything else, numbers that JSON does not have among it."""
    try:
        found = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(details: Mapping[str, Any], name: str) -> str:
    """A text of a decision; "" for one that is missing or something else."""
    return found if isinstance(found := details.get(name), str) else ""


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is not a number in JSON")
    return number


def sentences(assignments: Sequence[Assignment]) -> list[str]:
    """A line for each assignment, in their order: when, which version, by whom, why, and the figures.

    What tags say comes from outside, so lines hold no control characters and long texts are cut.

    >>> figures = {"metric": "auc", "difference": 0.025, "low": 0.004, "high": 0.046}
    >>> decision = {"action": "promotion", "figures": figures}
    >>> moment = datetime(2013, 8, 2, 10, tzinfo=UTC)
    >>> sentences([Assignment("churn", 3, "3f2a9c1b" * 5, "v1.1.0", moment, "admin", "it ranks better", decision)])
    ['#3  2013-08-02 10:00Z  v1.1.0 (3f2a9c1b) promoted by admin: it ranks better; auc +0.025 [+0.004, +0.046]']
    """
    return [_sentence(assignment) for assignment in assignments]


def _sentence(made: Assignment) -> str:
    acts = {PROMOTION: "promoted", ROLLBACK: "put back in place"}
    act = acts.get(_text(made.details, "action"), "assigned")
    version = f"{made.version} ({made.revision[:8]})" if made.version else made.revision[:8]
    texts = (_brief(made.reason), _brief(_text(made.details, "comment")), _figures(made.details))
    why = "; ".join(filter(None, texts))
    who = f"{made.moment:%Y-%m-%d %H:%M}Z  {version} {act} by {_brief(made.by) or 'somebody unnamed'}"
    return f"#{made.number}  {who}{': ' if why else ''}{why}"


def _figures(details: Mapping[str, Any]) -> str:
    """The gate's comparison as difference and interval; of a champion without one its own metrics."""
    compared, metrics = details.get("figures"), details.get("metrics")
    if isinstance(compared, dict) and all(map(_is_number, map(compared.get, ("difference", "low", "high")))):
        difference, low, high = (f"{compared[name]:+.3g}" for name in ("difference", "low", "high"))
        name = metric_name(_text(compared, "metric"), rate if _is_number(rate := compared.get("alert_rate")) else None)
        return _brief(f"{name} {difference} [{low}, {high}]")
    if not isinstance(metrics, dict):
        return ""
    return _brief(", ".join(f"{name} {_number(value)}" for name, value in metrics.items() if _is_number(value)))


def _number(value: float) -> str:
    """A metric, or a number of rows, as people read it.

    >>> _number(0.69113), _number(539012), _number(1e40)
    ('0.691', '539,012', '1e+40')
    """
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.3g}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _brief(text: object) -> str:
    words = plain(str(text)).strip()
    return words if len(words) <= LONGEST else words[: LONGEST - 3] + "..."
