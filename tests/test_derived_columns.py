"""Derived columns from the rows to the verdict: a monitor of texts, judged alike wherever its rows are kept."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_tasks import patterns
from monitoring_tasks.canary_steps import Asked, examine
from monitoring_tasks.champion import load_reference, pin_champion
from monitoring_tasks.checks import Check, Status
from monitoring_tasks.comparing import Comparison
from monitoring_tasks.data.derived.columns import DerivedColumns
from monitoring_tasks.data.derived.identity import told_apart
from monitoring_tasks.data.labelled import read_labelled
from monitoring_tasks.data.outcomes import read_outcomes
from monitoring_tasks.errors import ReferenceInvalid
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.performance_reference import load_taught
from monitoring_tasks.pieces import Pieces
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.profile.profile import dumps
from monitoring_tasks.profile.reference import monitored_columns, reference_key, require_segments
from monitoring_tasks.runtime import Runtime, environment_runtime
from monitoring_tasks.window import DAY, Window
from tests.data.json_server import between, found, serving
from tests.data.logs import KINDS, Logs
from tests.whole_run import judge

FIRST = date(2013, 6, 3)
DERIVED: dict[str, Any] = {
    "words": {"kind": "word_count", "of": "response"},
    "refusal": {"kind": "matches", "of": "response", "patterns": ["sorry", "<refusals>"]},
    "valid_json": {"kind": "is_json", "of": "response", "where": {"expects": "json"}},
    "repeated": {"kind": "repeated_words", "of": "response"},
    "pace": {"kind": "ratio", "of": ["seconds", "tokens"]},
    "hour": {"kind": "hour_of_day", "of": "ts"},
}
ANSWERS: dict[str, Any] = {
    "task": "text",
    "prediction": "words",
    "derived": DERIVED,
    "segments": [["refusal"], ["expects", "valid_json"]],
    "segment_rows": 20,
    "minimum_rows": 100,
    "alarms": {"joint": False},
    "start": FIRST - timedelta(days=40),
}
VOCABULARY = np.array([*"abcdefgh", "ünable", "don't", "word", "another", "日本"])


def window(day: date) -> Window:
    """The window of a day."""
    return Window.parse(str(day), str(day + timedelta(days=1)))


def answers(day: date, *, count: int = 300, refusals: float = 0.1, fewer: int = 0) -> dict[str, list[Any]]:
    """A day of answers, so many of which are refusals; `fewer` words are in each of the others."""
    random = np.random.default_rng(day.toordinal())
    texts: list[str | None] = []
    for asked, drawn in zip(random.random(count) < 0.4, random.random(count), strict=True):
        words = " ".join(random.choice(VOCABULARY, random.integers(12, 30) - fewer))
        said = json.dumps({"answer": words}) if asked and drawn > 0.15 else words
        texts.append(None if drawn > 0.98 else "Sorry, no." if drawn < refusals else said)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    tokens = random.integers(20, 60, count)
    expects = ["json" if text and text.startswith("{") else "text" for text in texts]
    return {
        "id": [f"{day:%Y%m%d}-{place}" for place in range(count)],
        "ts": [midnight + timedelta(seconds=86_400 / count * place) for place in range(count)],
        "response": texts,
        "expects": expects,
        "seconds": (tokens * random.lognormal(-3, 0.2, count)).tolist(),
        "tokens": tokens.tolist(),
    }


def joined(days: list[dict[str, list[Any]]]) -> dict[str, list[Any]]:
    """The days one after the other."""
    return {name: [value for one in days for value in one[name]] for name in days[0]}


def log(folder: Path, kind: str, days: list[dict[str, list[Any]]], postgres: str | None = None) -> Logs:
    """A log of these days, and the reference of thirty days before."""
    made = Logs(folder, postgres)
    made.keep("predictions", kind, joined(days))
    before = [answers(FIRST - timedelta(days=30 - place)) for place in range(30)]
    pq.write_table(pa.table(joined(before)), folder / "reference.parquet")
    return made


SOUND = [answers(FIRST + timedelta(days=place)) for place in range(3)]
WORSE = answers(FIRST + timedelta(days=3), refusals=0.35, fewer=8)
BAD = window(FIRST + timedelta(days=3))


@contextmanager
def running(logs: Logs) -> Iterator[Runtime]:
    """A runtime of the log's own, which reaches its databases."""
    with environment_runtime({"MONITORING_HOME": str(logs.folder / "home")}).store as store:
        made = environment_runtime({"MONITORING_HOME": str(logs.folder / "home")})
        yield replace(made, store=store, connections=logs.connections)


def judged(folder: Path, kind: str, postgres: str) -> tuple[Any, dict[tuple[Any, ...], Any]]:
    """The verdict on the worse day, and the results by what they are of."""
    folder.mkdir()
    logs = log(folder, kind, [*SOUND, WORSE], postgres)
    monitor = logs.monitor(**ANSWERS)
    with running(logs) as runtime:
        verdict = judge(monitor, runtime, BAD)
        results = runtime.store.results(verdict.subject) or []
    return verdict, {(each.check, each.column, each.segment): each for each in results}


def test_a_worse_day_of_answers_is_found_alike_wherever_they_are_kept(tmp_path: Path, postgres_url: str) -> None:
    """Files, SQLite and PostgreSQL reach one verdict by the same results: shorter answers, and more refusals."""
    found = {kind: judged(tmp_path / kind, kind, postgres_url) for kind in KINDS}
    verdict, results = found["parquet"]
    assert verdict.outcome is Outcome.DRIFTED
    failed = {
        column
        for check, column, segment in results
        if check is Check.DRIFT and not segment and results[check, column, segment].status is Status.FAILED
    }
    assert {"words", "refusal"} <= failed
    assert not {"response", "ts"} & {column for _, column, _ in results}
    assert {"refusal=false", "expects=json, valid_json=true"} <= {segment for *_, segment in results}
    for kind in KINDS[1:]:
        other, theirs = found[kind]
        assert (other.outcome, other.severity, other.reasons) == (verdict.outcome, verdict.severity, verdict.reasons)
        assert theirs.keys() == results.keys()
        for about, result in results.items():
            assert theirs[about].status is result.status, about
            assert theirs[about].value == pytest.approx(result.value, rel=1e-9, abs=1e-12), about


def test_a_self_test_injects_faults_into_derived_columns(tmp_path: Path) -> None:
    """The columns of the self-test are those that are watched, derived ones among them, from SQLite as from files."""
    logs = log(tmp_path, "sqlite", [answers(FIRST + timedelta(days=place), count=600) for place in range(3)])
    monitor = logs.monitor(**{**ANSWERS, "segments": []})
    with running(logs) as runtime:
        now = datetime(2013, 6, 6, 5, tzinfo=UTC)
        report = examine(monitor, runtime, Asked(now=now, windows=1, repeats=1))
    assert report.rows > 0
    columns = {fault.column for fault in report.faults}
    assert set(DERIVED) & columns
    assert "response" not in columns


def test_rules_are_compared_on_derived_columns(tmp_path: Path) -> None:
    """The comparison of rules reads windows as their runs do."""
    logs = log(tmp_path, "parquet", [*SOUND, WORSE])
    with running(logs) as runtime:
        row = Comparison.prepare(logs.monitor(**{**ANSWERS, "segments": []}), runtime).row(BAD)
    assert row.error is None
    assert row.verdicts["calibrated"].outcome is Outcome.DRIFTED


def test_rows_of_an_endpoint_have_derived_columns(tmp_path: Path) -> None:
    """What comes as JSON is derived from as files are."""
    rows = [
        {name: value.isoformat() if name == "ts" else value for name, value in zip(WORSE, row, strict=True)}
        for row in zip(*WORSE.values(), strict=True)
    ]
    files = log(tmp_path, "parquet", [WORSE])
    with serving(lambda _, query: found(between(rows, query))) as server, running(files) as runtime:
        rest = Logs(tmp_path, sources={"predictions": {"kind": "rest", "url": f"{server.url}/rows"}})
        profiles = []
        for monitor in (files.monitor(**ANSWERS), rest.monitor(**ANSWERS)):
            reference = load_reference(monitor, runtime, pin_champion(monitor, runtime))
            profile, _ = Pieces.of(monitor, runtime, reference).scanned(BAD)
            profiles.append(dumps(profile))
    assert profiles[0] == profiles[1]


# What is watched, and what is kept -----------------------------------------------------------------------------------


def schema(monitor: Monitor, **types: Any) -> pa.Schema:
    """The reference's columns, derived ones among them."""
    logged = {"id": pa.string(), "ts": pa.timestamp("us"), "response": pa.string(), "expects": pa.string()}
    logged |= {"seconds": pa.float64(), "tokens": pa.int64(), **types}
    kept = pa.schema([(name, kind) for name, kind in logged.items() if kind is not None])
    return DerivedColumns(monitor.derived).extended(kept, "the reference")


def monitor_of(tmp_path: Path, **changes: Any) -> Monitor:
    """A monitor of answers."""
    logs = Logs(tmp_path, sources={"predictions": {"kind": "parquet", "path": "predictions"}})
    return logs.monitor(**{**ANSWERS, **changes})


def test_derived_columns_are_features_and_the_texts_they_come_from_are_none(tmp_path: Path) -> None:
    """Every other column is one; a text is where it is listed, a derived column is not where it is ignored."""
    monitor = monitor_of(tmp_path)
    kinds = monitored_columns(monitor, schema(monitor))
    assert kinds == {
        **dict.fromkeys(["expects", "refusal", "valid_json"], "categorical"),
        **dict.fromkeys(["seconds", "tokens", "words", "repeated", "pace", "hour"], "numeric"),
    }
    listed = monitor_of(tmp_path, features={"*": None, "response": None}, ignore=["pace"])
    assert monitored_columns(listed, schema(listed)).keys() == {*kinds, "response"} - {"pace"}
    few = monitor_of(tmp_path, features={"refusal": {"kind": "numeric"}})
    assert monitored_columns(few, schema(few)) == {"refusal": "numeric", "words": "numeric"}


@pytest.mark.parametrize(
    ("types", "words"),
    [
        ({"response": None}, "has no column 'response', which the derived column 'refusal' needs"),
        ({"tokens": None}, "has no column 'tokens', which the derived column 'pace' needs"),
        ({"expects": None}, "has no column 'expects', which the derived column 'valid_json' needs"),
        (
            {"response": pa.int64()},
            "'refusal' cannot be computed of the reference of m: matches takes text, and response",
        ),
        ({"tokens": pa.string()}, "'pace' cannot be computed of the reference of m: ratio takes number and number"),
    ],
)
def test_a_reference_without_what_is_derived_from_says_so(tmp_path: Path, types: Any, words: str) -> None:
    """The error names the derived column and what it is computed from."""
    monitor = monitor_of(tmp_path, segments=[])
    with pytest.raises(ReferenceInvalid, match=re.escape(words)):
        monitored_columns(monitor, schema(monitor, **types))


def test_a_segment_of_what_cannot_be_derived_says_so(tmp_path: Path) -> None:
    """A segment by a derived column needs its inputs as well."""
    monitor = monitor_of(tmp_path, features={"words": None}, segments=[["valid_json"]], prediction="refusal")
    with pytest.raises(ReferenceInvalid, match="'expects', which the derived column 'valid_json' needs"):
        require_segments(monitor, schema(monitor, expects=None))


def test_a_reference_with_a_column_of_a_derived_name_is_refused(tmp_path: Path) -> None:
    """Which of the two is meant cannot be told."""
    logs = log(tmp_path, "parquet", [WORSE])
    table = pq.read_table(tmp_path / "reference.parquet")
    pq.write_table(table.append_column("words", table["tokens"]), tmp_path / "reference.parquet")
    monitor = logs.monitor(**ANSWERS)
    with (
        running(logs) as runtime,
        pytest.raises(ReferenceInvalid, match="has a column 'words', and the monitor derives"),
    ):
        load_reference(monitor, runtime, pin_champion(monitor, runtime))


def test_another_definition_is_another_profile(
    tmp_path: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A changed pattern, and a longer list of refusals, name other references, pieces and figures."""

    def names(**changes: Any) -> list[str]:
        monitor = monitor_of(tmp_path, derived={**DERIVED, **changes})
        return [reference_key(monitor, "0"), json.dumps(told_apart(monitor.derived))]

    usual = names()
    assert usual == names()
    changed = {**DERIVED["refusal"], "patterns": ["sorry", "<refusals>", "no"]}
    assert not set(usual) & set(names(refusal=changed))
    monkeypatch.setattr(patterns, "_pattern_of", patterns._pattern_of.__wrapped__)
    monkeypatch.setattr(patterns, "REFUSALS", (*patterns.REFUSALS, "never"))
    assert not set(usual) & set(names())
    assert told_apart({}) == []


def test_a_changed_pattern_is_read_anew(tmp_path: Path) -> None:
    """The profile of a window is not that of the pattern before."""
    logs = log(tmp_path, "parquet", [WORSE])
    counts = []
    with running(logs) as runtime:
        for pattern in ("sorry", "no such words"):
            derived = {**DERIVED, "refusal": {**DERIVED["refusal"], "patterns": pattern}}
            monitor = logs.monitor(**{**ANSWERS, "derived": derived})
            reference = load_reference(monitor, runtime, pin_champion(monitor, runtime))
            profile, _ = Pieces.of(monitor, runtime, reference).had(BAD)
            column, bins = profile.columns["refusal"], reference.binning.columns["refusal"]
            counts.append(dict(zip(bins.values, column.counts.tolist(), strict=True)))
    assert counts[0]["true"] > 50
    assert counts[1] == {"false": counts[0]["true"] + counts[0]["false"]}


# Figures and training -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_figures_are_cut_by_derived_columns_and_pipelines_get_logged_rows(
    tmp_path: Path, postgres_url: str, kind: str
) -> None:
    """Segments of performance may be derived; what champion and challenger score is what was logged."""
    logs = Logs(tmp_path, postgres_url)
    rows = joined(SOUND)
    draw = np.random.default_rng(1)
    score = draw.random(len(rows["id"])).tolist()
    label = [int(one < each) for one, each in zip(draw.random(len(score)), score, strict=True)]
    logs.keep("predictions", kind, {**rows, "score": score})
    later = [moment + timedelta(hours=1) for moment in rows["ts"]]
    logs.keep("labels", kind, {"id": rows["id"], "label_time": later, "label": label})
    monitor = logs.monitor(derived=DERIVED, segments=[["refusal"], ["hour"]], performance={})
    span = Window(window(FIRST).start, BAD.start)
    outcomes = read_outcomes(monitor, logs.connections, span, known_at=BAD.end).outcomes
    refusal = outcomes.groups["refusal"]
    assert refusal.values == ("false", "true")
    expected = Counter(None if text is None else "true" if "orry" in text else "false" for text in rows["response"])
    codes = Counter(refusal.codes.tolist())
    assert {name: codes[place] for place, name in enumerate(refusal.values)} == {
        name: expected[name] for name in refusal.values
    }
    assert codes[-1] == expected[None]
    assert outcomes.groups["hour"].values == tuple(sorted(str(hour) for hour in range(24)))
    labelled = read_labelled(monitor, logs.connections, span, known_at=BAD.end).rows
    assert not set(DERIVED) & set(labelled.column_names)


def test_a_reference_teaches_figures_of_derived_segments(tmp_path: Path) -> None:
    """What a champion's reference teaches is cut by derived columns too, and kept by their definitions."""
    logs = log(tmp_path, "parquet", SOUND)
    table = pq.read_table(tmp_path / "reference.parquet")
    draw = np.random.default_rng(1)
    score = draw.random(table.num_rows)
    label = (draw.random(table.num_rows) < score).astype(int)
    whole = table.append_column("score", pa.array(score)).append_column("label", pa.array(label))
    pq.write_table(whole, tmp_path / "reference.parquet")
    monitor = logs.monitor(derived=DERIVED, segments=[["refusal"]], label="label", performance={})
    with running(logs) as runtime:
        pinned = pin_champion(monitor, runtime)
        load_taught(monitor, runtime, pinned, width=DAY)
        other = {**DERIVED, "refusal": {**DERIVED["refusal"], "patterns": "else"}}
        load_taught(logs.monitor(**{**monitor.model_dump(), "derived": other}), runtime, pinned, width=DAY)
        kept = list((tmp_path / "home").rglob("performance-*.json"))
    assert len(kept) == 2
