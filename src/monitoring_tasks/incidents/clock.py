"""When a letter is due: at once, at the end of the quiet hours, or with the next digest; pure functions of a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from monitoring_tasks.alerts_section import DAYS, Alerts, QuietHours
from monitoring_tasks.severity import Severity

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def due_at(alerts: Alerts, severity: Severity, moment: datetime) -> datetime:
    """The moment, in UTC, at which something known at `moment` is told: at once, or when the quiet hours end.

    What is at least as severe as the quiet hours' `unless` never waits. `moment` knows its zone.

    >>> night = Alerts.model_validate({"quiet_hours": {"start": "22:00", "end": "07:00"}})
    >>> str(due_at(night, Severity.HIGH, datetime(2026, 3, 2, 23, 30, tzinfo=UTC)))
    '2026-03-03 07:00:00+00:00'
    """
    told = moment.astimezone(UTC)
    quiet = alerts.quiet_hours
    if quiet is None or severity >= Severity.of(quiet.unless) or not is_quiet(quiet, told):
        return told
    # Minute by minute: whatever a clock skips or repeats when it is changed, the first moment that is not quiet is
    # found, and a quiet week is ten thousand steps of a microsecond.
    told = told.replace(second=0, microsecond=0)
    while is_quiet(quiet, told):
        told += MINUTE
    return told


def is_quiet(quiet: QuietHours, moment: datetime) -> bool:
    """Whether quiet hours hold at a moment, by the clock on the wall of their zone; their end is no longer quiet."""
    local = moment.astimezone(ZoneInfo(quiet.timezone))
    if DAYS[local.weekday()] in quiet.days:
        return True
    now = local.time()
    if quiet.start < quiet.end:
        return quiet.start <= now < quiet.end
    return now >= quiet.start or now < quiet.end


def digest_at(alerts: Alerts, moment: datetime) -> datetime:
    """The first moment after `moment`, in UTC, at which a digest is told; never `moment` itself.

    There is one digest a day, also where the clock on the wall shows its hour twice, or skips it: then it is told at
    the first of the two, or by the clock as it was before it was changed.

    >>> str(digest_at(Alerts(), datetime(2026, 3, 2, 8, 0, tzinfo=UTC)))
    '2026-03-03 08:00:00+00:00'
    """
    zone = ZoneInfo(alerts.digest.timezone)
    today = moment.astimezone(zone).date()
    # A changed clock can move a day's digest by hours: that of yesterday or of the day after tomorrow may be the next.
    days = (today + DAY * ahead for ahead in range(-1, 4))
    told = (datetime.combine(day, alerts.digest.at, zone).astimezone(UTC) for day in days)
    return min(each for each in told if each > moment)
