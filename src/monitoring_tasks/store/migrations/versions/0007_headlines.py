"""Check results as one body per subject, and what pages and metrics show of many windows in short beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from alembic import op

from monitoring_tasks.checks import CheckResult
from monitoring_tasks.performance.headline import headline_of
from monitoring_tasks.performance.record import Restatement
from monitoring_tasks.scores import unpack
from monitoring_tasks.store.queries import headline_field, results_fields
from monitoring_tasks.store.schema import Words

revision = "0007"
down_revision = "0006"

SUBJECTS, RESULTS, PERFORMANCE = "monitoring_subjects", "monitoring_check_results", "monitoring_performance"
AT_ONCE = 200
_subjects = sa.table(
    SUBJECTS,
    *(sa.column(name, sa.Text) for name in ("digest", "verdict", "headline")),
    *(sa.column(name, sa.LargeBinary) for name in ("results", "scores")),
)
_results = sa.table(
    RESULTS,
    *(sa.column(name, sa.Text) for name in ("digest", "suite", "check_name", "status")),
    *(sa.column(name, sa.Text) for name in ("reference_summary", "current_summary", "evidence")),
    *(sa.column(name, Words) for name in ("column_name", "method", "detail", "season", "cause", "segment")),
    *(sa.column(name, sa.Float(53)) for name in ("value", "threshold")),
    *(sa.column(name, sa.Boolean) for name in ("large", "severe")),
    sa.column("position", sa.Integer),
)
_performance = sa.table(PERFORMANCE, *(sa.column(name, sa.Text) for name in ("digest", "body", "headline")))


def upgrade() -> None:
    """Add the columns, fill them from the rows of before, and drop those."""
    op.add_column(SUBJECTS, sa.Column("results", sa.LargeBinary))
    op.add_column(SUBJECTS, sa.Column("scores", sa.LargeBinary))
    op.add_column(SUBJECTS, sa.Column("headline", sa.Text))
    for some in _batches(_subjects):
        for subject in op.get_bind().execute(sa.select(_subjects).where(_subjects.c.digest.in_(some))):
            _put_together(subject)
    op.drop_table(RESULTS)
    op.add_column(PERFORMANCE, sa.Column("headline", sa.Text, nullable=False, server_default=""))
    for some in _batches(_performance):
        for entry in op.get_bind().execute(sa.select(_performance).where(_performance.c.digest.in_(some))):
            headline = headline_of(Restatement.from_json(json.loads(entry.body)))
            _set(_performance, entry.digest, headline=json.dumps(headline.to_json()))
    with op.batch_alter_table(PERFORMANCE) as table:
        table.alter_column("headline", server_default=None)


def downgrade() -> None:
    """Make a row of each check result again; windows whose results are kept no more have none."""
    op.drop_column(PERFORMANCE, "headline")
    _make_rows()
    wanted = _subjects.c.results.is_not(None)
    for some in _batches(_subjects):
        for subject in op.get_bind().execute(sa.select(_subjects).where(wanted, _subjects.c.digest.in_(some))):
            _take_apart(subject)
    for name in ("headline", "scores", "results"):
        op.drop_column(SUBJECTS, name)


def _batches(table: sa.TableClause) -> Iterator[Sequence[str]]:
    digests = list(op.get_bind().scalars(sa.select(table.c.digest)))
    for first in range(0, len(digests), AT_ONCE):
        yield digests[first : first + AT_ONCE]


def _put_together(subject: Any) -> None:
    rows = op.get_bind().execute(
        sa.select(_results).where(_results.c.digest == subject.digest).order_by(_results.c.position)
    )
    results = [_result(row) for row in rows]
    verdict = json.loads(subject.verdict) if subject.verdict else {}
    headline = headline_field(results, verdict["reasons"]) if verdict else None
    # Rolled up before this was undone once: no results are not the same as a window in which nothing was checked.
    gone = not results and any((verdict.get("evidence", {}).get("checks") or {}).values())
    fields = {} if gone else results_fields(results)
    _set(_subjects, subject.digest, **fields, headline=headline)


def _result(row: Any) -> CheckResult:
    told = {name: getattr(row, name) for name in _SAME}
    summaries = {"reference": json.loads(row.reference_summary), "current": json.loads(row.current_summary)}
    evidence = None if row.evidence is None else json.loads(row.evidence)
    names = {"check": row.check_name, "column": row.column_name, "evidence": evidence}
    return CheckResult.from_json({**told, **summaries, **names})


_SAME = ("suite", "status", "method", "value", "threshold", "large", "severe", "detail", "season", "cause", "segment")


def _take_apart(subject: Any) -> None:
    rows = []
    for position, result in enumerate(map(CheckResult.from_json, unpack(subject.results))):
        summaries = {f"{name}_summary": json.dumps(dict(getattr(result, name))) for name in ("reference", "current")}
        evidence = None if result.evidence is None else json.dumps(asdict(result.evidence))
        own = {"check_name": result.check, "column_name": result.column, "evidence": evidence}
        same = {name: getattr(result, name) for name in _SAME}
        rows.append({"digest": subject.digest, "position": position, **same, **summaries, **own})
    if rows:
        op.get_bind().execute(_results.insert(), rows)


def _set(table: sa.TableClause, digest: str, **fields: Any) -> None:
    op.get_bind().execute(sa.update(table).where(table.c.digest == digest).values(**fields))


def _make_rows() -> None:
    texts = ("suite", "check_name", "status", "detail", "reference_summary", "current_summary")
    op.create_table(
        RESULTS,
        sa.Column("digest", sa.Text, sa.ForeignKey(f"{SUBJECTS}.digest", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
        *(sa.Column(name, sa.Text) for name in ("column_name", "method", "evidence")),
        *(sa.Column(name, sa.Float(53)) for name in ("value", "threshold")),
        sa.Column("large", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("severe", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False, server_default="") for name in ("season", "cause", "segment")),
    )
