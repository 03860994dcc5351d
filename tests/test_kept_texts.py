"""Sampled texts through whole runs: where they are kept, for how long, and where they never get."""

from __future__ import annotations

import io
import logging
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import create_engine, text

from monitoring_tasks import steps
from monitoring_tasks.champion import pin_champion
from monitoring_tasks.kept_texts import kept_texts, reference_texts
from monitoring_tasks.maintenance_steps import Keeping, tidy_windows
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.policy.verdict import Subject
from monitoring_tasks.profile.plan import HASH
from monitoring_tasks.profile.texts import sample_texts
from monitoring_tasks.report import report_key, run_folder
from monitoring_tasks.runtime import Runtime, environment_runtime
from monitoring_tasks.window import Window
from tests.git_repository import commit, start
from tests.production import FIRST_DAY, YAML, Production, day, rows

DESCRIBED = YAML + "descriptors: {response: [WordCount, ContainsLink, {Contains: refund}], nowhere: [TextLength]}\n"
MARKER = "Zanzibar-4711"


def answers(day: date, *, count: int = 1000, words: int = 8) -> list[str | None]:
    """Answers of one day, with a marker in each; one in ten is missing."""
    random = np.random.default_rng(day.toordinal())
    lengths = 1 + random.poisson(words, count)
    return [f"{MARKER} {'word ' * length}{day}" if random.random() < 0.9 else None for length in lengths]


@pytest.fixture
def described(production: Production) -> Production:
    """Three days of production with answers, which the reference has as well; shorter ones on the third."""
    path = production.folder / "reference.parquet"
    table = pq.read_table(path)
    pq.write_table(table.append_column("response", pa.array(answers(FIRST_DAY, count=table.num_rows))), path)
    production.configure(DESCRIBED)
    for number, words in enumerate([8, 8, 4]):
        written = FIRST_DAY + timedelta(days=number)
        production.write(written, columns={"response": answers(written, words=words)})
    return production


def run(monitor: Monitor, runtime: Runtime, window: Window) -> Subject:
    """Profile, suites and verdict of a window."""
    subject = steps.open_window(monitor, runtime, window)
    steps.profile_window(monitor, runtime, subject)
    steps.run_suites(monitor, runtime, subject)
    steps.reach_verdict(monitor, runtime, subject, run={"origin": "test"})
    return Subject.from_json(subject)


def report_of(runtime: Runtime, subject: Subject) -> str:
    """The report of a run."""
    return (runtime.artifacts.read(report_key(subject)) or b"").decode()


def files(home: Path) -> dict[str, bytes]:
    """All that a home holds, by relative path; of tables the values."""
    found = {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    return {
        name: repr(pq.read_table(io.BytesIO(content)).to_pydict()).encode() if name.endswith(".parquet") else content
        for name, content in found.items()
    }


def test_texts_are_in_one_place_and_no_other(
    described: Production, runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    """The folder of texts holds them; neither profile, reference, store, report nor log does."""
    caplog.set_level(logging.DEBUG)
    subject = run(load_monitor(described.monitor_file), runtime, day(2))
    assert "Texts: Evidently's descriptors on a sample of 500 and 500 rows" in report_of(runtime, subject)
    holding = sorted(name for name, content in files(described.folder / "home").items() if MARKER.encode() in content)
    places = ["/".join(name.split("/")[2:5]) for name in holding]
    days = [f"2013-03-0{number}" for number in (1, 2, 3)]  # those before are looked at for persistence
    assert places == [f"texts/churn/{each}" for each in (*days, "references")]
    assert MARKER not in caplog.text
    sample = kept_texts(runtime, subject)
    assert sample is not None
    assert sample.column_names == ["response", HASH]
    assert 20 < sample["response"].null_count < 90


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_table_is_described_like_files(
    described: Production, tmp_path: Path, database: str, request: pytest.FixtureRequest
) -> None:
    """A run on a database ends in the same section, from its own sample."""
    url = f"sqlite:///{tmp_path / 'lake.db'}" if database == "sqlite" else request.getfixturevalue("postgres_url")
    frame = pd.DataFrame({**rows(FIRST_DAY), "response": answers(FIRST_DAY)})
    engine = create_engine(url)
    if database == "sqlite":
        frame["at"] = frame["at"].dt.strftime("%Y-%m-%d %H:%M:%S")
        frame.loc[0, "response"] = "a\0b"
    frame.to_sql("log", engine, index=False)
    sql = "{kind: sql, connection: lake, table: log}"
    described.configure(DESCRIBED.replace("{kind: parquet, path: predictions, partition: day}", sql))
    runtime = environment_runtime({"MONITORING_HOME": str(tmp_path / "sql"), "AIRFLOW_CONN_LAKE": url})
    with runtime.store:
        monitor = load_monitor(described.monitor_file)
        subject = run(monitor, runtime, day(0))
        first, kept = report_of(runtime, subject), kept_texts(runtime, subject)
        assert "on a sample of 500 and 500 rows" in first
        assert kept is not None
        assert set(kept["response"].drop_null().to_pylist()) <= set(frame["response"])
        assert 20 < kept["response"].null_count < 90
        with engine.begin() as connection:
            connection.execute(text("UPDATE log SET response = 'corrected'"))
        run(monitor, runtime, day(0))
        again = kept_texts(runtime, subject)
    engine.dispose()
    assert again is not None
    assert again["response"].unique().to_pylist() == ["corrected"]


def test_the_same_window_gives_the_same_bytes(described: Production, runtime: Runtime, tmp_path: Path) -> None:
    """Run again, and run elsewhere after other windows: texts and report are equal."""
    monitor = load_monitor(described.monitor_file)
    subject = run(monitor, runtime, day(2, days=2))
    first, texts = report_of(runtime, subject), kept_texts(runtime, subject)
    run(monitor, runtime, day(2, days=2))
    assert report_of(runtime, subject) == first
    elsewhere = environment_runtime({"MONITORING_HOME": str(tmp_path / "elsewhere")})
    with elsewhere.store:
        run(monitor, elsewhere, day(1))
        assert run(monitor, elsewhere, day(2, days=2)) == subject
        assert report_of(elsewhere, subject) == first
        assert texts is not None
        assert texts.to_pydict() == (kept_texts(elsewhere, subject) or texts.slice(0, 0)).to_pydict()


def test_days_are_sampled_once(described: Production, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wider window takes the samples of the days that are known, until their files change."""
    sampled: list[str] = []

    def noted(rows: Any, window: Any, *more: Any, **named: Any) -> pa.Table:
        sampled.append(str(window)[:10])
        return sample_texts(rows, window, *more, **named)

    monkeypatch.setattr("monitoring_tasks.kept_texts.sample_texts", noted)
    monitor = load_monitor(described.monitor_file)
    run(monitor, runtime, day(1))
    run(monitor, runtime, day(2, days=3))
    assert sorted(sampled) == ["2013-03-01", "2013-03-02", "2013-03-03", "None"]  # the last is the reference, once
    described.write(FIRST_DAY, columns={"response": ["other"] * 1000})
    run(monitor, runtime, day(2, days=3))
    assert sorted(sampled)[:2] == ["2013-03-01", "2013-03-01"]


def test_texts_go_before_the_window_does(described: Production, runtime: Runtime) -> None:
    """Retention deletes them by the day of their rows; the suites then say so, and a new profile samples them anew."""
    monitor = load_monitor(described.monitor_file)
    subject = run(monitor, runtime, day(1))
    run(monitor, runtime, day(2))
    first, folder = report_of(runtime, subject), described.folder / "home/monitoring/artifacts/texts/churn"
    assert sorted(path.name for path in folder.iterdir()) == ["2013-03-01", "2013-03-02", "2013-03-03", "references"]
    kept = Keeping(results=timedelta(days=10))
    assert tidy_windows(runtime, kept, now=datetime(2013, 3, 11, 23, tzinfo=UTC))["texts"] == 0
    assert tidy_windows(runtime, kept, now=datetime(2013, 3, 13, 1, tzinfo=UTC))["texts"] == 2
    assert sorted(path.name for path in folder.iterdir()) == ["2013-03-03", "references"]
    told = {**subject.to_json(), "pinned": pin_champion(monitor, runtime).to_json()}
    steps.run_suites(monitor, runtime, told)
    assert "The sampled texts are not kept any more" in report_of(runtime, subject)
    run(monitor, runtime, day(1))
    assert report_of(runtime, subject) == first


def test_a_window_without_rows_has_its_section(described: Production, runtime: Runtime) -> None:
    """Nothing was logged: the report says so of each descriptor, and the verdict is reached."""
    subject = run(load_monitor(described.monitor_file), runtime, day(9))
    assert "on a sample of 0 and 500 rows" in report_of(runtime, subject)
    assert "the window has no rows" in report_of(runtime, subject)


def test_without_descriptors_nothing_is_sampled(described: Production, runtime: Runtime) -> None:
    """No text is kept that nobody declared, and no folder is made for one."""
    described.configure(YAML + "ignore: [response]\n")
    monitor = load_monitor(described.monitor_file)
    subject = run(monitor, runtime, day(2))
    assert runtime.artifacts.folders("texts") == []
    assert runtime.artifacts.read(f"{run_folder(subject)}/texts.json") is None
    assert kept_texts(runtime, subject) is None
    assert reference_texts(monitor, runtime, pin_champion(monitor, runtime), day(2)) is None


def test_texts_of_a_reference_go_with_the_last_window_beside_them(described: Production, runtime: Runtime) -> None:
    """Those of a former one as soon as its windows' do; the present ones when no window is left, to be sampled anew."""
    monitor, kept = load_monitor(described.monitor_file), Keeping(results=timedelta(days=10))
    references = described.folder / "home/monitoring/artifacts/texts/churn/references"
    run(monitor, runtime, day(0))
    [former] = [path.name for path in references.iterdir()]
    path = described.folder / "reference.parquet"
    pq.write_table(pq.read_table(path).slice(1), path)
    run(monitor, runtime, day(2))
    assert len(list(references.iterdir())) == 2

    def tidied(day: int) -> int:
        found: int = tidy_windows(runtime, kept, now=datetime(2013, 3, day, 1, tzinfo=UTC))["texts"]
        return found

    # Day 1 is shown beside both, and day 2 beside the second: the verdict on day 3 rests on them.
    assert (tidied(11), len(list(references.iterdir()))) == (0, 2)
    assert (tidied(12), [path.name == former for path in references.iterdir()]) == (2, [False])
    assert (tidied(13), len(list(references.iterdir()))) == (1, 1)
    assert (tidied(14), references.exists()) == (2, False)
    again = run(monitor, runtime, day(2))
    assert "on a sample of 500 and 500 rows" in report_of(runtime, again)
    assert len(list(references.iterdir())) == 1


def test_a_reference_that_cannot_be_had_costs_the_section_alone(
    described: Production, tmp_path: Path, runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    """Its profile is kept: without its texts, and while its repository is silent, a window is judged all the same."""
    git, home = tmp_path / "git", described.folder / "home/monitoring"
    git.mkdir()
    work, origin = start(git), git / "origin.git"
    for name in ("reference.parquet", "importances.json"):
        shutil.copy(described.folder / name, work)
    commit(work, "churn@v1.0.0", "churn#champion#1")
    described.configure(DESCRIBED.replace("{kind: file,", f"{{kind: champion, repository: {origin},"))
    monitor = load_monitor(described.monitor_file)
    subject = run(monitor, runtime, day(2))
    verdict, report = runtime.artifacts.read(f"{run_folder(subject)}/verdict.json"), report_of(runtime, subject)
    away = origin.rename(origin.with_suffix(".away"))
    for kept in ("artifacts/texts", "cache"):
        shutil.rmtree(home / kept)
    run(monitor, runtime, day(2))
    assert runtime.artifacts.read(f"{run_folder(subject)}/verdict.json") == verdict
    assert "The sampled texts are not kept any more" in report_of(runtime, subject)
    assert "texts.unavailable monitor=churn champion=v1.0.0-" in caplog.text
    away.rename(origin)
    run(monitor, runtime, day(2))
    assert report_of(runtime, subject) == report


def test_other_columns_are_another_sample_of_the_reference(described: Production, runtime: Runtime) -> None:
    """It is kept by its columns and the reference's content, and read back as it was sampled."""
    one = load_monitor(described.monitor_file)
    described.configure(DESCRIBED.replace("nowhere", "elsewhere"))
    other = load_monitor(described.monitor_file)
    pinned = pin_champion(one, runtime)
    made, read, more = (reference_texts(each, runtime, pinned, day(0)) for each in (one, one, other))
    assert made is not None
    assert made.equals(read)
    assert made.equals(more)
    assert made.num_rows == 500
    assert len(runtime.artifacts.folders("texts/churn/references")) == 2
