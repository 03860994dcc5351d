"""Promotion and rollback: a commit becomes champion by one atomic push of tags, and only if nothing moved meanwhile.

The number of a champion tag is a token: of two that write the same one, origin takes the first and refuses all of the
other's push. The tag's message is the decision, so that a repeated call finds what it did before.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from monitoring_tasks.errors import (
    ConfigurationError,
    MonitoringError,
    PromotionRefused,
    ReferenceInvalid,
    ReferenceUnavailable,
)
from monitoring_tasks.policy.narrative import plain
from monitoring_tasks.redaction import redact
from monitoring_tasks.retraining.command import execute
from monitoring_tasks.retraining.history import PROMOTION, ROLLBACK, Assignment, history, read_history, read_tags
from monitoring_tasks.retraining.registry import Champion, fetch_artifact, no_champion
from monitoring_tasks.retraining.repository import READ_SECONDS, bare_clone, require_sound
from monitoring_tasks.retraining.tags import champion_numbers, next_version_tag, tagged_commits, version_tag

logger = logging.getLogger(__name__)

PUSH_SECONDS = 300
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
# A hook or the server's rules; anything else that stops a push can be another time's success.
_REFUSED = re.compile(r"\[remote rejected\].*\b(declined|prohibited|denied)\b")


@dataclass(frozen=True)
class _Registry:
    """A model's registry as it was copied: `past` is its history, the champion in use first, never empty."""

    repository: str
    model: str
    clone: Path
    past: Sequence[Assignment]

    @property
    def champion(self) -> Champion:
        """The champion in use when the copy was made."""
        return self.past[0].champion


def promote(
    repository: str,
    model: str,
    *,
    challenger: str,
    expected: Champion,
    decision: Mapping[str, Any],
    moment: datetime,
) -> Champion:
    """Make the commit `challenger` champion in place of `expected`: a champion tag, and a version tag if it has none.

    `decision` becomes the tags' message: JSON values, with `run` (who calls again with the same one gets the champion
    it made, and nothing is done), `by`, `reason` and whatever else is to be read years later. Raises `PromotionRefused`
    when the champion is not `expected` in number and commit, before or while the tags are written, or when origin's
    rules refuse them; `ReferenceUnavailable` when it does not answer. Either way none of the tags is there, or all are
    and the next call says so.
    """
    require_sound(repository=repository, model=model)
    _require_commit(challenger)
    with bare_clone(repository) as clone:
        registry = _registry(repository, model, clone)
        if own := _own(registry.past, decision["run"], challenger):
            return own
        _require_champion(registry, expected.number, expected.revision)
        _require_known(registry, challenger)
        return _assign(registry, challenger, {**decision, "action": PROMOTION}, moment)


def roll_back(
    repository: str,
    model: str,
    *,
    to: str | None,
    decision: Mapping[str, Any],
    files: Sequence[str],
    moment: datetime,
) -> Champion:
    """Make an earlier champion champion again; `to` is found as by `rollback_target`.

    First each of `files` is fetched at its commit, from the DVC remote, and its MD5 compared. `decision` is as for
    `promote`; with a `previous` of number and revision the champion in use must be that. Raises `PromotionRefused`,
    `ReferenceUnavailable`, and `ConfigurationError` for a `to` that was never champion.
    """
    require_sound(repository=repository, model=model)
    with bare_clone(repository) as clone:
        registry = _registry(repository, model, clone)
        if own := _own(registry.past, decision["run"], None):
            return own
        if previous := decision.get("previous"):
            _require_champion(registry, previous["number"], previous["revision"])
        target = rollback_target(registry.past, to)
        _require_files(registry, target, files)
        return _assign(registry, target.revision, {**decision, "action": ROLLBACK}, moment)


def rollback_target(past: Sequence[Assignment], to: str | None) -> Assignment:
    """The earlier champion that `to` names, by its newest assignment in `past` (newest first, not empty).

    `to` is a version (v1.0.0 or 1.0.0), a champion's whole name (v1.0.0-3f2a9c1b) or a commit, of which seven digits
    are enough; None is the champion before the one in use. Raises `ConfigurationError` for one that was never champion,
    `PromotionRefused` for the one in use.
    """
    current = past[0]
    if to is None:
        earlier = next((made for made in past if made.revision != current.revision), None)
        if earlier is None:
            raise PromotionRefused(f"{current.model} has had one champion only: there is none to go back to")
        return earlier
    found = [made for made in past if _is_named(made, to)]
    if len({made.revision for made in found}) != 1:
        known = ", ".join(dict.fromkeys(made.champion.version for made in past))
        some = "no champion" if not found else "more than one champion"
        raise ConfigurationError(f"{plain(to)!r} names {some} of {current.model}: name one of {known}")
    if found[0].revision == current.revision:
        raise PromotionRefused(f"{current.champion.version} is champion of {current.model} already: nothing was done")
    return found[0]


def _is_named(made: Assignment, to: str) -> bool:
    is_commit = re.fullmatch(r"[0-9a-f]{7,64}", to) is not None and made.revision.startswith(to)
    names = {made.champion.version, *([made.version, made.version.removeprefix("v")] if made.version else [])}
    return is_commit or to in names


def _registry(repository: str, model: str, clone: Path) -> _Registry:
    past = read_history(clone, model)
    if not past:
        raise ReferenceInvalid(no_champion(repository, model))
    return _Registry(repository, model, clone, past)


def _own(past: Sequence[Assignment], run: str, revision: str | None) -> Champion | None:
    """The champion that this run made; None when it made none. Raises when another has taken its place since."""
    own = next((made for made in past if made.details.get("run") == run), None)
    if own is None:
        return None
    if own is not past[0] or revision not in (None, own.revision):
        raise PromotionRefused(
            f"run {plain(run)} made {own.champion.version} champion #{own.number} of {own.model} before, and "
            f"{past[0].champion.version} is champion #{past[0].number} now: a run puts one commit in place, once"
        )
    logger.info("champion.already model=%s version=%s run=%s", own.model, own.champion.version, run)
    return own.champion


def _require_commit(challenger: str) -> None:
    if not _COMMIT.fullmatch(challenger):
        raise PromotionRefused(f"challenger {redact(challenger)!r} is not a whole commit id, so it could move: name it")


def _require_champion(registry: _Registry, number: int, revision: str) -> None:
    if (registry.champion.number, registry.champion.revision) != (number, revision):
        raise PromotionRefused(
            f"the champion of {registry.model} is {registry.champion.version} (#{registry.champion.number}), and the "
            f"decision was about {revision[:8]} (#{number}): compare with the champion in use and decide anew"
        )


def _require_known(registry: _Registry, challenger: str) -> None:
    if challenger == registry.champion.revision:
        raise PromotionRefused(f"{registry.champion.version} is champion of {registry.model} already")
    look = ["git", "cat-file", "-e", f"{challenger}^{{commit}}"]
    try:
        execute(look, seconds=READ_SECONDS, about=challenger, folder=registry.clone)
    except ReferenceUnavailable as error:
        raise PromotionRefused(
            f"{redact(registry.repository)} has no commit {challenger} on a branch or tag: its branch was removed; "
            "train the challenger again"
        ) from error


def _require_files(registry: _Registry, target: Assignment, files: Sequence[str]) -> None:
    """A version whose files are gone must not become champion: each is really fetched, into a folder for the moment."""
    for path in files:
        with TemporaryDirectory(prefix="rollback-") as scratch:
            about = f"{path} of {target.champion.version}"
            try:
                fetch_artifact(registry.repository, target.revision, path, Path(scratch) / "file")
            except ReferenceUnavailable as error:
                raise ReferenceUnavailable(f"{about} cannot be fetched, so nothing was rolled back: {error}") from error
            except ReferenceInvalid as error:
                raise PromotionRefused(f"{about} cannot be used, so nothing was rolled back: {error}") from error


def _assign(registry: _Registry, revision: str, decision: Mapping[str, Any], moment: datetime) -> Champion:
    """Tag the commit in the copy, and push the tags to origin together."""
    before = registry.champion
    previous = {"number": before.number, "revision": before.revision, "version": before.version}
    message = json.dumps({**decision, "previous": previous}, sort_keys=True, allow_nan=False)
    tags = tagged_commits(str(registry.clone), registry.model)
    version = version_tag(registry.model, tags, revision)
    new_version = [] if version else [next_version_tag(registry.model, tags)]
    champion = f"{registry.model}#champion#{before.number + 1}"
    if not champion_numbers(registry.model, {champion: revision}):
        raise PromotionRefused(
            f"no number follows {registry.model}#champion#{before.number}, which nobody here gave: delete that tag"
        )
    _tag(registry, [*new_version, champion], revision, message, moment)
    made = Champion(registry.model, before.number + 1, revision, version or new_version[0])
    try:
        _push(registry, [*new_version, champion])
    except _PushFailed as failure:
        _settle(registry, made, decision["run"], str(failure))
    logger.info("champion.assigned model=%s version=%s number=%d", made.model, made.version, made.number)
    return made


def _tag(registry: _Registry, names: Sequence[str], revision: str, message: str, moment: datetime) -> None:
    # GTO orders by the tags' dates, in whole seconds: each is later than all before it, whatever the clocks say.
    last = max(told.moment for told in read_tags(registry.clone, registry.model).values())
    seconds = max(int(moment.timestamp()), int(last.timestamp()) + 1)
    identity = {"GIT_COMMITTER_NAME": "monitoring", "GIT_COMMITTER_EMAIL": "monitoring@localhost"}
    settings = {name: os.environ.get(name, default) for name, default in identity.items()}
    file = registry.clone / "decision.json"
    file.write_text(message + "\n", encoding="utf-8")
    for name in names:
        tag = ["git", "tag", "--annotate", "--cleanup=verbatim", f"--file={file}", "--", name, revision]
        dated = settings | {"GIT_COMMITTER_DATE": f"@{seconds} +0000"}
        execute(tag, seconds=READ_SECONDS, about=f"tag {name}", folder=registry.clone, settings=dated)


class _PushFailed(MonitoringError):
    """A push that may have arrived or not; its text is git's own words."""


def _push(registry: _Registry, names: Sequence[str]) -> None:
    push = ["git", "push", "--quiet", "--atomic", "origin", *(f"refs/tags/{name}" for name in names)]
    english = {"LC_ALL": "C"}  # the words that `_REFUSED` looks for
    execute(push, seconds=PUSH_SECONDS, about="push", folder=registry.clone, settings=english, failure=_PushFailed)


def _settle(registry: _Registry, made: Champion, run: str, said: str) -> None:
    """After a push that failed: return when origin has the tags all the same, else raise what came of it."""
    words = plain(said)
    now = history(registry.repository, registry.model)
    if _own(now, run, made.revision):
        logger.warning("champion.answer_lost model=%s version=%s said=%s", made.model, made.version, words)
        return
    if now[0].number != registry.champion.number:
        raise PromotionRefused(
            f"{now[0].champion.version} became champion #{now[0].number} of {registry.model} meanwhile: none of "
            "this run's tags was taken; compare with the champion in use and decide anew"
        )
    if _REFUSED.search(words):
        raise PromotionRefused(
            f"{redact(registry.repository)} refuses the tags of {made.model}#champion#{made.number}: {words}; "
            "let this machine's account create tags there, then try again"
        )
    raise ReferenceUnavailable(f"the tags could not be pushed to {redact(registry.repository)}, try again: {words}")
