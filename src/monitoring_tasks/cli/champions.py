"""Commands about the champion of a monitor's model: its history, and going back to an earlier one."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitoring_tasks.cli.terminal import DEFAULT_FOLDER, ERROR, HEALTHY, AsJson, Folder, Name, complain, say, user
from monitoring_tasks.monitor_file import find_monitor

if TYPE_CHECKING:
    from monitoring_tasks.retraining.history import Assignment

To = Annotated[
    str | None,
    typer.Option("--to", metavar="VERSION", help="Version or commit of an earlier champion; left out: the one before"),
]
Reason = Annotated[str, typer.Option("--reason", help="Why, for those who read the history later")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask")]


def champion(name: Name, folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> int:
    """Tell a model's champions, newest first: who put each in place, when, why, and on what figures."""
    from monitoring_tasks.retraining.history import history, sentences
    from monitoring_tasks.retraining_task import champion_source

    past = history(*champion_source(find_monitor(folder, name)))
    lines = [f"{past[0].champion.version} is in use", *sentences(past)]
    say(json.dumps([made.to_json() for made in past], indent=2) if as_json else "\n".join(lines))
    return HEALTHY


def rollback(name: Name, to: To = None, reason: Reason = "", yes: Yes = False, folder: Folder = DEFAULT_FOLDER) -> int:
    """Put an earlier champion in place again; each of its files is fetched first, and must be whole."""
    from monitoring_tasks.retraining.history import history, sentences
    from monitoring_tasks.retraining.promotion import roll_back, rollback_target
    from monitoring_tasks.retraining.repository import allow, allowed_repositories
    from monitoring_tasks.retraining_task import artifact_paths, champion_source

    monitor = find_monitor(folder, name)
    repository, model = champion_source(monitor)
    allow(repository, allowed_repositories())
    past = history(repository, model)
    target = rollback_target(past, to)
    for line in ("in use:", *sentences(past[:1]), "in its place:", *sentences([target])):
        say(line)
    if not (yes or _confirmed()):
        complain("nothing was changed")
        return ERROR
    decision = _decision(past[0], reason)
    files, moment = artifact_paths(monitor), datetime.now(UTC)
    made = roll_back(repository, model, to=target.revision, decision=decision, files=files, moment=moment)
    when = f"{moment:%Y-%m-%d %H:%M}Z"
    say(f"{made.version} is champion #{made.number} of {model}, put back in place by {decision['by']} at {when}")
    return HEALTHY


def _confirmed() -> bool:
    try:
        return typer.confirm("Its files are fetched first; then every monitor of the model uses it. Go on?", err=True)
    except typer.Abort:  # Ctrl-C, or nobody is there to ask
        return False


def _decision(current: Assignment, reason: str) -> dict[str, Any]:
    """The rollback of exactly the champion that was shown, by the user of this machine; its run is no other's."""
    return {
        "run": f"command-line__{secrets.token_hex(8)}",
        "by": user(),
        "reason": reason or "asked for on the command line",
        "previous": {"number": current.number, "revision": current.revision},
    }
