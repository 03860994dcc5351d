"""Commands about incidents and what people are told of them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from monitoring_tasks.alerts.message import one_line
from monitoring_tasks.cli.alert_tables import (
    incident_story,
    incident_table,
    letter_json,
    letter_table,
    print_pages,
    troubled,
)
from monitoring_tasks.cli.terminal import (
    DEFAULT_FOLDER,
    ERROR,
    FINDINGS,
    HEALTHY,
    AsJson,
    Folder,
    Name,
    complain,
    opened_runtime,
    out,
    say,
    user,
)
from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.monitor_file import find_monitor, load_monitors, monitor_files
from monitoring_tasks.window import Window, parse_width, stamp

if TYPE_CHECKING:
    from pathlib import Path

    from monitoring_tasks.alerts.acting import Action
    from monitoring_tasks.alerts.channel import Channel
    from monitoring_tasks.incidents.incident import Incident
    from monitoring_tasks.runtime import Runtime
    from monitoring_tasks.store.records import Letter

LATER = "it is told by the DAG monitoring_alerts within minutes, or at once by `monitoring alerts deliver`"
FIRST, LAST = "2000-01-01", "2100-01-01"
About = Annotated[str, typer.Argument(metavar="ID", help="Id of an incident; or name of a monitor: all its open ones")]
IncidentId = Annotated[str, typer.Argument(metavar="ID", help="Id of an incident")]
Letters = Annotated[str | None, typer.Argument(metavar="ID", help="Id of an incident; left out: all dead letters")]
HowLong = Annotated[str, typer.Option("--for", metavar="TIME", help="How long, such as 90m, 24h or 7d")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the incident")]
WouldHave = Annotated[
    bool, typer.Option("--would-have", help="What live runs would have told of all windows judged so far, and when")
]
OfMonitor = Annotated[str | None, typer.Option("--monitor", metavar="NAME", help="Only what concerns this monitor")]
From = Annotated[str, typer.Option("--start", help="With --would-have: only what was found after this moment")]
Until = Annotated[str, typer.Option("--end", help="With --would-have: nothing found after this moment")]


class _Listing(TyperGroup):
    """The commands about alerts; options without a command are those of `list`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        bare = not args or (args[0].startswith("-") and args[0] != "--help")
        return super().parse_args(ctx, ["list", *args] if bare else args)


alerts = typer.Typer(
    cls=_Listing,
    add_completion=False,
    rich_markup_mode=None,
    help="""Incidents and what people are told of them; without a command, `list`.

    An ID may be its beginning, such as drift-9f3a. Exit code of `list`: 0 nothing is open, undelivered, or would have
    paged; 1 something is. Of `deliver`, `retry` and `test`: 0 all was sent, 3 a channel did not take it. Of every
    command: 3 error.
    """,
)


@alerts.command("list")
def overview(
    would_have: WouldHave = False,
    monitor: OfMonitor = None,
    start: From = FIRST,
    end: Until = LAST,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> int:
    """Show open incidents and letters that were not delivered; or what people would have been told of the past."""
    if would_have:
        return _would_have(folder, Asked(monitor, Window.parse(start, end), as_json))
    if (start, end) != (FIRST, LAST):
        raise typer.BadParameter("--start and --end go with --would-have: what is open is listed as it stands now")
    with opened_runtime() as runtime:
        _refuse_unknown(monitor, folder, runtime)
        incidents = runtime.store.incidents(monitor, open_only=True)
        letters = [each for each in runtime.store.letters() if monitor is None or monitor in each.monitors]
    stuck = troubled(letters, datetime.now(UTC))
    if as_json:
        listed = {"incidents": [each.to_json() for each in incidents], "letters": [letter_json(each) for each in stuck]}
        say(json.dumps(listed, indent=2))
    else:
        _print_overview(incidents, stuck)
    return FINDINGS if incidents or stuck else HEALTHY


@dataclass(frozen=True)
class Asked:
    """What is asked of a replay: of which monitor, in which span, and how it is printed."""

    monitor: str | None
    span: Window
    as_json: bool


def _would_have(folder: Folder, asked: Asked) -> int:
    from monitoring_tasks.alerts.pages import pages_of
    from monitoring_tasks.alerts.telling import would_have

    monitors, mistakes = load_monitors(folder)
    if mistakes:
        complain("\n".join(mistakes))
    with opened_runtime() as runtime:
        _refuse_unknown(asked.monitor, folder, runtime)
        replayed = would_have(runtime.store, monitors)
        if not runtime.store.readings(asked.monitor):
            who = f"{asked.monitor} has judged no window" if asked.monitor else "no monitor has judged a window"
            complain(f"{who} yet: see `monitoring backfill --help`")
    found = [
        page
        for page in pages_of(replayed, {each.name: each.alerts for each in monitors})
        if asked.span.start < page.change.tick <= asked.span.end
        and (asked.monitor is None or asked.monitor in page.change.incident.monitors)
    ]
    print_pages(found, as_json=asked.as_json)
    return FINDINGS if any(page.at_once for page in found) else HEALTHY


def _refuse_unknown(monitor: str | None, folder: Path, runtime: Runtime) -> None:
    """A name that is misspelt must not look like a monitor that is well; one whose YAML is gone is still known."""
    if monitor is None or runtime.store.readings(monitor) or runtime.store.incidents(monitor):
        return
    if monitor not in (names := [path.stem for path in monitor_files(folder)]):
        raise ConfigurationError(f"no monitor {monitor!r} in {folder}: there are {', '.join(names) or 'none'}")


def _print_overview(incidents: Sequence[Incident], letters: Sequence[Letter]) -> None:
    if incidents:
        out.print(incident_table(incidents))
    if letters:
        out.print(letter_table(letters))
    for what, found in (("open incidents", incidents), ("undelivered letters", letters)):
        if not found:
            say(f"no {what}")


@alerts.command()
def show(about: IncidentId, as_json: AsJson = False) -> int:
    """Tell an incident from its beginning: what is known, everything that happened to it, and who was told when."""
    with opened_runtime() as runtime:
        incident = _found(runtime, about)
        happened, letters = runtime.store.transitions(incident.id), runtime.store.letters(incident=incident.id)
    say(incident_story(incident, happened, letters, as_json=as_json))
    return HEALTHY


def _found(runtime: Runtime, about: str) -> Incident:
    from monitoring_tasks.alerts.acting import find_incident

    incident = find_incident(runtime.store, about)
    if incident is None:
        raise ConfigurationError(f"there is no incident {about!r}: `monitoring alerts` lists those that are open")
    return incident


@alerts.command()
def acknowledge(about: About, reason: Reason = "") -> int:
    """Say that somebody is on it: no reminders; it is told again only if it gets worse."""
    return _done("acknowledge", about, reason)


@alerts.command()
def mute(about: About, how_long: HowLong, reason: Reason = "") -> int:
    """Be silent about it for a time, with a reason; it is told again if it gets worse, or when the time is over."""
    try:
        until = datetime.now(UTC) + parse_width(how_long)
    except ValueError as error:
        raise typer.BadParameter(f"--for: {error}") from None
    return _done("mute", about, reason, until=until)


@alerts.command()
def unmute(about: About, reason: Reason = "") -> int:
    """End its mute now."""
    return _done("unmute", about, reason)


@alerts.command()
def resolve(about: About, reason: Reason = "") -> int:
    """Say that it is over: what is found later opens a new incident."""
    return _done("resolve", about, reason)


def _done(action: Action, about: str, reason: str, *, until: datetime | None = None) -> int:
    from monitoring_tasks.alerts.acting import Order, carry_out

    order = Order(action, user(), reason, until)
    with opened_runtime() as runtime:
        changes = carry_out(runtime.store, about, order, now=datetime.now(UTC))
    for change in changes:
        end = f" until {stamp(until.replace(microsecond=0))}" if until else ""
        say(f"{change.incident.id} is {change.incident.state.value}{end}, by {order.by}: {LATER}")
    return HEALTHY


@alerts.command()
def retry(about: Letters = None) -> int:
    """Send dead letters again: all of them, or those about one incident."""
    with opened_runtime() as runtime:
        about = about and _found(runtime, about).id
        dead = runtime.store.letters(incident=about, state="dead")
        revived = [each for each in dead if runtime.store.revive_letter(each.key, each.channel)]
        say(f"{len(revived)} dead letters wait again")
        return _sent(runtime) if revived else HEALTHY


@alerts.command()
def deliver() -> int:
    """Send every letter that is due, through the connections of this environment."""
    with opened_runtime() as runtime:
        return _sent(runtime)


def _sent(runtime: Runtime) -> int:
    from monitoring_tasks.delivery_step import deliver as deliver_letters

    done = deliver_letters(runtime.store, _opener(runtime), by=f"command-line {secrets.token_hex(8)}")
    say(f"{done['sent']} sent, {done['failed']} failed for now, {done['dead']} given up")
    return ERROR if done["failed"] or done["dead"] else HEALTHY


@alerts.command("test")
def try_routes(name: Name, folder: Folder = DEFAULT_FOLDER) -> int:
    """Send a marked test message on every channel of a monitor, and tell the answer of each."""
    from monitoring_tasks.alerts.telling import send_test

    monitor = find_monitor(folder, name)
    with opened_runtime() as runtime:
        answers = send_test(monitor, _opener(runtime), key=f"test-{secrets.token_hex(8)}")
    for address, error in answers:
        say(f"{address}: {'refused: ' + one_line(error, 1000) if error else 'sent'}")
    if not answers:
        say(f"{name} names no channels: its alerts go to the log of the task that tells them")
    return ERROR if any(error for _, error in answers) else HEALTHY


def _opener(runtime: Runtime) -> Callable[[str], Channel]:
    from monitoring_tasks.alerts.opening import open_channel

    return partial(open_channel, connections=runtime.connections)
