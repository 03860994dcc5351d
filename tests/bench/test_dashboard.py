"""The bench of the dashboard at a size that takes a minute: a small fleet in a real PostgreSQL, asked by HTTP."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import create_engine, text

from bench import dashboard
from bench.dashboard import Asked
from bench.fleet import Fleet, Size, seed
from bench.fleet_bodies import bodies
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.store.database import Store, open_store

SMALL = Size(models=20, features=10, windows=10, bodied=4, bodies=20)


@pytest.fixture(name="store")
def _store(postgres_url: str) -> Iterator[Store]:
    """The store of a small fleet."""
    seed(Fleet.of(SMALL), postgres_url)
    with open_store(postgres_url) as opened:
        yield opened


def test_a_fleet_is_what_runs_would_have_written(store: Store, postgres_url: str) -> None:
    """The store reads it: each row says of itself what its body holds, and is found by its subject."""
    fleet = Fleet.of(SMALL)
    heads = store.heads()
    assert [head.subject for head in heads] == [fleet.subject(model, 9) for model in range(20)]
    for head in heads:
        verdict = store.verdict(head.subject)
        assert verdict is not None
        assert (verdict.subject, verdict.outcome, verdict.severity) == (head.subject, head.outcome, head.severity)
        assert head.run["dag_id"] == f"monitor_{head.subject.monitor}"
        assert len(store.results(head.subject) or ()) == 6 * 10 + 2
    stories = [store.windows(name) for name in SMALL.names]
    assert {len(story) for story in stories} == {10}
    assert {head.outcome for story in stories for head in story} >= {Outcome.HEALTHY, Outcome.DRIFTED}
    assert {store.results(fleet.subject(3, number)) is None for number in range(6)} == {True}
    [first, *_] = store.performance("model_0003")
    assert (first.version, first.verdict.subject) == (3, fleet.subject(3, 0))
    assert [entry.restatement.known_at > first.restatement.window.end for entry in store.performance("model_0003")]
    assert len(store.readings("model_0003")) == 10
    assert len(store.incidents(open_only=True)) == len(store.awaiting()) == 1
    assert len(store.promotions()) == 10
    with create_engine(postgres_url).connect() as connection:
        assert not connection.execute(text("SELECT 1 FROM pg_tables WHERE tablename LIKE 'bench%'")).all()


def test_drift_is_where_a_body_says() -> None:
    """Of each kind of body there is one at least; findings are of drifted ones."""
    made = bodies(10, 4)
    assert {body.outcome for body in made} == {
        Outcome.HEALTHY,
        Outcome.DRIFTED,
        Outcome.WARNING,
        Outcome.TOO_FEW_ROWS,
    }
    assert all(
        bool(body.verdict.evidence["findings"]) == (body.outcome in {Outcome.DRIFTED, Outcome.WARNING}) for body in made
    )


@pytest.fixture(name="folder")
def _folder() -> Iterator[Path]:
    """A folder that the user of PostgreSQL may enter, as those of pytest may not be."""
    made = Path(tempfile.mkdtemp(prefix="monitoring-bench-"))
    yield made / "bench"
    shutil.rmtree(made)


def test_the_whole_bench_in_little(folder: Path) -> None:
    """Every question is asked and answered, sizes and work are told, and nothing is left on the disk."""
    out = io.StringIO()
    console, progress = Console(file=out, width=200), Console(file=io.StringIO())
    dashboard.run(SMALL, console, progress, judged=True, folder=folder, times=2)
    told = out.getvalue()
    assert "20 models x 10 features x 10 daily windows" in told
    for title in (*(each.title for each in dashboard.questions(Fleet.of(SMALL))), "/metrics, first scrape"):
        assert title in told
    assert told.count("at most 200 ms") == 10
    assert told.count("at most 1000 ms") == 1
    assert "monitoring_subjects" in told
    assert "roll up the rest" in told
    assert not folder.exists()


def test_goals() -> None:
    """Nineteen of twenty answers count; a limit has no goal."""
    slow = Asked("page", [0.1] * 19 + [9.0], 0.01, 1, goal=0.2)
    assert dashboard._goal(slow).startswith("[red]miss")
    assert dashboard._goal(Asked("page", [0.1] * 99 + [9.0], 0.01, 1, goal=0.2)) == "[green]pass[/] at most 200 ms"
    assert dashboard._goal(Asked("file", [9.0], 0.01, 1)) == ""
