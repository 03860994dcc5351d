"""The moments at which letters are due."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.alerts_section import DAYS, Alerts, Digest, QuietHours, SeverityWord
from monitoring_tasks.incidents.clock import MINUTE, digest_at, due_at, is_quiet
from monitoring_tasks.severity import Severity

BERLIN = ZoneInfo("Europe/Berlin")
# A half-hour change of the clock (Lord Howe), a day that was never (Apia, 2011), an offset of 45 minutes (Kathmandu).
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"]
TIMES = st.builds(time, st.integers(0, 23), st.integers(0, 59))
# The wall clocks of all zones are changed at night: half of the moments are near a change.
CHANGES = ["2026-03-29T01:00Z", "2026-10-25T01:00Z", "2026-04-04T15:00Z", "2011-12-30T10:00Z"]


def _after(start: str, seconds: float) -> datetime:
    return datetime.fromisoformat(start) + timedelta(seconds=seconds)


NEAR = st.builds(_after, st.sampled_from(CHANGES), st.integers(-600, 600).map(lambda minutes: minutes * 60))
ANY = st.builds(_after, st.just("1990-01-01T00:00Z"), st.floats(0, 45 * 365 * 86400))
MOMENTS = NEAR | ANY
SEVERITIES = st.sampled_from(Severity)


@st.composite
def quiet_hours(draw: st.DrawFn) -> QuietHours:
    start, end = draw(st.lists(TIMES, min_size=2, max_size=2, unique=True))
    days = draw(st.lists(st.sampled_from(DAYS), max_size=2, unique=True))
    unless: SeverityWord = draw(st.sampled_from(get_args(SeverityWord)))
    zone = draw(st.sampled_from(ZONES))
    return QuietHours(start=start, end=end, days=tuple(days), timezone=zone, unless=unless)


def berlin(text: str) -> datetime:
    """A moment by the clock on a wall in Berlin."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def night(start: str = "22:00", end: str = "07:00", **more: object) -> Alerts:
    return Alerts.model_validate({"quiet_hours": {"start": start, "end": end, "timezone": "Europe/Berlin", **more}})


@given(MOMENTS, SEVERITIES)
def test_without_quiet_hours_everything_is_due_at_once(moment: datetime, severity: Severity) -> None:
    """Nobody asked for silence, so nothing waits."""
    assert due_at(Alerts(), severity, moment) == moment


@given(quiet_hours(), SEVERITIES, MOMENTS)
def test_due_is_the_first_moment_that_is_not_quiet(quiet: QuietHours, severity: Severity, moment: datetime) -> None:
    """What waits is due at a moment that is not quiet, and every minute until then is quiet."""
    due = due_at(Alerts(quiet_hours=quiet), severity, moment)
    if severity >= Severity.of(quiet.unless) or not is_quiet(quiet, moment):
        assert due == moment
        return
    assert due > moment
    assert not is_quiet(quiet, due)
    assert is_quiet(quiet, max(moment, due - timedelta(microseconds=1)))
    waits = int((due - moment) / MINUTE)
    assert all(is_quiet(quiet, moment + MINUTE * each) for each in range(0, waits, 7))


@given(quiet_hours(), MOMENTS, st.timedeltas(timedelta(0), timedelta(days=4)))
def test_later_is_never_due_earlier(quiet: QuietHours, moment: datetime, wait: timedelta) -> None:
    """Of one severity, what is known later is not told first."""
    alerts = Alerts(quiet_hours=quiet)
    assert due_at(alerts, Severity.NONE, moment) <= due_at(alerts, Severity.NONE, moment + wait)


@given(quiet_hours(), MOMENTS)
def test_worse_is_never_due_later(quiet: QuietHours, moment: datetime) -> None:
    """A worse severity waits at most as long."""
    due = [due_at(Alerts(quiet_hours=quiet), severity, moment) for severity in Severity]
    assert due == sorted(due, reverse=True)


@given(quiet_hours(), SEVERITIES, MOMENTS, st.sampled_from(ZONES))
def test_the_zone_in_which_a_moment_is_written_does_not_matter(
    quiet: QuietHours, severity: Severity, moment: datetime, zone: str
) -> None:
    """The same moment written in another zone is due at the same moment, in UTC."""
    alerts = Alerts(quiet_hours=quiet)
    local = moment.astimezone(ZoneInfo(zone))
    assert due_at(alerts, severity, local) == due_at(alerts, severity, moment)
    assert due_at(alerts, severity, local).tzinfo is UTC
    assert digest_at(alerts, local) == digest_at(alerts, moment)
    assert digest_at(alerts, local).tzinfo is UTC


@pytest.mark.parametrize(
    ("known", "due"),
    [
        ("2026-03-03 21:59", "2026-03-03 21:59"),
        ("2026-03-03 22:00", "2026-03-04 07:00"),
        ("2026-03-04 00:30:15", "2026-03-04 07:00"),
        ("2026-03-04 06:59:59.999", "2026-03-04 07:00"),
        ("2026-03-04 07:00", "2026-03-04 07:00"),
    ],
)
def test_a_night_lasts_over_midnight(known: str, due: str) -> None:
    """Quiet hours that start after they end last until the next morning, whose first moment is not quiet."""
    assert due_at(night(), Severity.HIGH, berlin(known)) == berlin(due)


def test_hours_within_a_day() -> None:
    """Quiet hours that start before they end last for that part of each day."""
    lunch = night("12:00", "13:30")
    assert due_at(lunch, Severity.LOW, berlin("2026-03-03 12:45")) == berlin("2026-03-03 13:30")
    assert due_at(lunch, Severity.LOW, berlin("2026-03-03 23:00")) == berlin("2026-03-03 23:00")


def test_a_weekend_is_quiet_until_monday_morning() -> None:
    """What is found on a Friday night waits for the end of Monday's night."""
    weekend = night(days=["sat", "sun"])
    for found in ("2026-03-06 23:00", "2026-03-07 12:00", "2026-03-08 23:59"):
        assert due_at(weekend, Severity.HIGH, berlin(found)) == berlin("2026-03-09 07:00")
    working = night("09:00", "09:01", days=["sat", "sun"])
    assert due_at(working, Severity.HIGH, berlin("2026-03-07 12:00")) == berlin("2026-03-09 00:00")


def test_critical_is_told_all_the_same() -> None:
    """By default only critical is told at night; `unless` says what else."""
    asleep = berlin("2026-03-04 03:00")
    assert due_at(night(), Severity.CRITICAL, asleep) == asleep
    assert due_at(night(), Severity.HIGH, asleep) > asleep
    assert due_at(night(unless="high"), Severity.HIGH, asleep) == asleep


def test_a_night_ends_by_the_clock_on_the_wall() -> None:
    """The night in which the clock is put forward is an hour shorter, that in which it is put back an hour longer."""
    spring = due_at(night(), Severity.HIGH, berlin("2026-03-28 22:00"))
    autumn = due_at(night(), Severity.HIGH, berlin("2026-10-24 22:00"))
    assert spring == datetime(2026, 3, 29, 5, tzinfo=UTC)
    assert autumn == datetime(2026, 10, 25, 6, tzinfo=UTC)
    assert spring.astimezone(BERLIN).time() == autumn.astimezone(BERLIN).time() == time(7)


def test_an_end_that_the_clock_skips_is_the_moment_it_is_put_forward() -> None:
    """Half past two is not on the last Sunday of March: at three the night is over."""
    due = due_at(night(end="02:30"), Severity.HIGH, berlin("2026-03-29 00:00"))
    assert due == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_an_end_that_the_clock_shows_twice() -> None:
    """The hour that is repeated is quiet twice, as the clock on the wall says."""
    alerts = night(end="02:30")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert due_at(alerts, Severity.HIGH, first - MINUTE) == first
    assert due_at(alerts, Severity.HIGH, first) == first
    again = first + timedelta(minutes=45)
    assert due_at(alerts, Severity.HIGH, again) == first + timedelta(hours=1)


@given(TIMES, st.sampled_from(ZONES), MOMENTS)
def test_a_digest_comes_every_day(at: time, zone: str, moment: datetime) -> None:
    """The next digest is after the moment, within a day but for changes of the clock, and none is skipped."""
    alerts = Alerts(digest=Digest(at=at, timezone=zone))
    told = digest_at(alerts, moment)
    assert moment < told
    assert told - moment <= timedelta(days=1, hours=1)
    assert digest_at(alerts, told - timedelta(microseconds=1)) == told
    assert digest_at(alerts, told) > told
    assert digest_at(alerts, told) - told >= timedelta(hours=22)


@given(TIMES, st.sampled_from(ZONES), MOMENTS, st.timedeltas(timedelta(0), timedelta(days=3)))
def test_digests_follow_each_other(at: time, zone: str, moment: datetime, wait: timedelta) -> None:
    """What is known later is not in an earlier digest, and what is known before a digest is told by then."""
    alerts = Alerts(digest=Digest(at=at, timezone=zone))
    told = digest_at(alerts, moment)
    later = digest_at(alerts, moment + wait)
    assert told <= later
    assert (later == told) == (moment + wait < told)


def test_a_digest_is_told_by_the_clock_on_the_wall() -> None:
    """Eight in Berlin is seven of UTC in winter and six in summer."""
    alerts = Alerts(digest=Digest(at=time(8), timezone="Europe/Berlin"))
    assert digest_at(alerts, berlin("2026-03-28 07:59")) == datetime(2026, 3, 28, 7, tzinfo=UTC)
    assert digest_at(alerts, berlin("2026-03-28 08:00")) == datetime(2026, 3, 29, 6, tzinfo=UTC)


def test_one_digest_where_the_clock_skips_or_repeats_its_hour() -> None:
    """At half past two: by the old clock where it is skipped, at the first of the two where it is shown twice."""
    alerts = Alerts(digest=Digest(at=time(2, 30), timezone="Europe/Berlin"))
    assert digest_at(alerts, berlin("2026-03-29 00:00")) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    autumn = digest_at(alerts, berlin("2026-10-25 00:00"))
    assert autumn == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert digest_at(alerts, autumn) == berlin("2026-10-26 02:30")
