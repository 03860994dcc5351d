"""What becomes of the retraining that a verdict asks for, as far as it is known when people are told: pure words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from monitoring_tasks.policy.narrative import why_retrain
from monitoring_tasks.policy.verdict import Verdict
from monitoring_tasks.retraining_section import Approval
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.window import stamp

_APPROVALS: Mapping[str, str] = {
    "manual": "if it is admitted, and its challenger passes the gate, its approval is asked in Airflow (Required "
    "Actions)",
    "auto_if_superior": "if it is admitted, a challenger that is better is put in place by itself, and of one that may "
    "be the approval is asked in Airflow (Required Actions)",
    "never": "if it is admitted, its challenger is judged, and nothing is put in place",
}


@dataclass(frozen=True)
class Request:
    """What a run does about the retraining that its verdict asks for; `approval` is the mode of the monitor's.

    `quiet` says why it asks for none, `made` is what became of it when it did so before, `under_way` is another one
    that is open, `last` the newest of all. Whether a new one is admitted is found out later, and told then.
    """

    approval: str = Approval().mode
    quiet: str = ""
    made: RetrainingRecord | None = None
    under_way: RetrainingRecord | None = None
    last: RetrainingRecord | None = None

    def step(self, verdict: Verdict, *, since: datetime | None = None) -> str:
        """The next step by a verdict that asks for a retraining.

        A refusal of the last one is told where that had the windows of the same incident, which began at `since`.
        """
        return f"{why_retrain(verdict)}: look at the report. {self._said(since)}"

    def _said(self, since: datetime | None) -> str:
        if self.made is not None:
            return f"A retraining was asked for, and {became(self.made)}."
        if self.quiet:
            return f"No retraining is asked for: {self.quiet}."
        if self.under_way is not None:
            return f"No other retraining is asked for: {self.under_way.run} {became(self.under_way)}."
        last, known = self.last, since is not None and self.last is not None and self.last.window_end > since
        before = f" The last one {became(last)}." if last and known and last.state == "refused" else ""
        return f"A retraining is asked for now: {_APPROVALS[self.approval]}.{before}"


def became(record: RetrainingRecord) -> str:
    """How a retraining that was asked for stands, in words.

    >>> day = datetime.fromisoformat("2013-06-11T00:00:00+00:00")
    >>> became(RetrainingRecord("churn", "one", "drift", "", "awaiting", day, day))
    'waits for an answer in Airflow (Required Actions)'
    >>> became(RetrainingRecord("churn", "one", "drift", "", "refused", day, day, outcome="the cooldown is 7 days"))
    'was refused: the cooldown is 7 days'
    """
    if record.state == "awaiting":
        return "waits for an answer in Airflow (Required Actions)"
    if record.open:
        return f"is under way since {stamp(record.requested_at)} ({record.state})"
    verb = "was refused" if record.state == "refused" else f"ended {record.state.replace('_', ' ')}"
    return f"{verb}: {record.outcome.rstrip('.')}" if record.outcome else verb
