"""The made-up answers: drawn from a seed, alike at every run, and as hostile as real ones."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from demo.worlds.answers import FIRST, TIMEOUT, daylight, draft_of, finished, moment
from demo.worlds.llm_faults import FAULTY_FROM, PRODUCTION, SCENARIOS, Scenario, hours, log_of
from demo.worlds.phrases import LANGUAGES, OFF_TOPIC, REFUSALS, sentences
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.patterns import pattern_of
from monitoring_tasks.window import HOUR

ROOT = Path(__file__).parents[2]
PROGRAM = """
import hashlib
from demo.worlds.llm_faults import log_of
print(hashlib.sha256(repr([log_of(hour).to_pydict() for hour in (7, 389, 411)]).encode()).hexdigest())
"""


def number_of(scenario: Scenario) -> int:
    """The hour in which a scenario begins, counted from the first one."""
    return (scenario.first_hour.start - FIRST) // HOUR


def share(condition: Any) -> float:
    """The share of true among what is known."""
    return float(pc.mean(pc.cast(condition, pa.float64())).as_py() or 0.0)


def refused(log: pa.Table) -> float:
    """The share of refusals among the answers, by the patterns of the example."""
    derived = load_monitor(ROOT / "include" / "monitors" / "examples" / "llm_answers.yaml").derived["refusal"]
    pattern = pattern_of(derived.patterns, ignore_case=derived.ignore_case)
    return share(pc.match_substring_regex(log["response"], pattern.re2))


def words(log: pa.Table) -> float:
    """The mean number of words of the answers that there are."""
    return float(np.mean([len(text.split()) for text in log["response"].drop_null().to_pylist()]))


def of_day(day: int) -> pa.Table:
    """The log of a day without anything wrong, counted from the first one."""
    return pa.concat_tables([log_of(hour) for hour in range(24 * day, 24 * (day + 1))])


@pytest.fixture(scope="module")
def monday() -> pa.Table:
    """The first day of the reference."""
    return of_day(0)


def test_every_process_draws_the_same() -> None:
    """Whatever order sets and dictionaries of hashes have there."""
    found = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    here = repr([log_of(hour).to_pydict() for hour in (7, 389, 411)])
    assert {text.strip() for text in found} == {hashlib.sha256(here.encode()).hexdigest()}


def test_an_hour_needs_no_other(monday: pa.Table) -> None:
    """Drawn by itself an hour is the same as in a row of hours, and its rows are its own."""
    alone = finished(5, draft_of(5))
    there = pc.and_(
        pc.greater_equal(monday["answered_at"], pa.scalar(moment(5))), pc.less(monday["answered_at"], moment(6))
    )
    assert monday.filter(there).equals(alone)
    assert alone["request_id"].to_pylist() == sorted(set(alone["request_id"].to_pylist()))


def test_ordinary_answers_are_as_declared(monday: pa.Table) -> None:
    """Three in a hundred refuse, few are missing, empty, cut or no JSON, and every kind of answer is there."""
    assert refused(monday) == pytest.approx(0.03, abs=0.006)
    assert 0 < share(pc.is_null(monday["response"])) < 0.01
    assert 0 < share(pc.equal(monday["finish_reason"], "length")) < 0.03
    assert set(monday["language"].to_pylist()) == set(LANGUAGES)
    assert set(monday["route"].to_pylist()) == {"chat", "summarise", "extract", "translate", "code"}
    texts = "".join(monday["response"].drop_null().to_pylist())
    assert all(each in texts for each in ("🙂", "```python", "<script>", "\u202e", "DROP TABLE", "\r\n"))
    assert "\x00" not in texts


def test_days_have_an_afternoon_and_latencies_a_tail(monday: pa.Table) -> None:
    """More is asked by day than by night, and the slowest answers take many times the usual time."""
    assert daylight(15) == pytest.approx(1)
    rows = [log_of(hour).num_rows for hour in (3, 15)]
    assert rows[1] > 1.7 * rows[0]
    usual, slow = np.quantile(monday["seconds"].to_numpy(), [0.5, 0.999])
    assert usual < 2
    assert slow > 10 * usual
    assert max(monday["seconds"].to_pylist()) <= TIMEOUT


def test_hours_differ(monday: pa.Table) -> None:
    """By more than chance: their latencies have a common part, as those of a loaded provider."""
    medians = [float(np.median(log_of(hour)["seconds"].to_numpy())) for hour in range(48)]
    assert np.std(medians) / np.mean(medians) > 0.05


def test_a_missing_answer_has_no_tokens(monday: pa.Table) -> None:
    """And took as long as the assistant waits."""
    lost = monday.filter(pc.is_null(monday["response"]))
    assert lost.num_rows
    assert lost["output_tokens"].null_count == lost.num_rows
    assert set(lost["seconds"].to_pylist()) == {TIMEOUT}
    assert set(lost["finish_reason"].to_pylist()) == {"error"}


def test_extractions_are_json(monday: pa.Table) -> None:
    """But for about one in a hundred, and those that were cut short or are missing."""
    rows = monday.filter(pc.equal(monday["expects"], "json"))["response"].drop_null().to_pylist()
    assert 0.95 < np.mean([is_json(text) for text in rows]) < 1


def is_json(text: str) -> bool:
    """Whether a text is JSON."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def test_the_example_knows_every_refusal() -> None:
    """Each phrase of each language by a pattern of the package or one of its own; and none of the other sentences."""
    known = [phrase for phrases in REFUSALS.values() for phrase in phrases]
    other = [*OFF_TOPIC, *(each for language in LANGUAGES for each in sentences(language))]
    assert refused(pa.table({"response": known})) == 1
    assert refused(pa.table({"response": other})) == 0


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.words.split(":")[0])
def test_a_scenario_changes_its_own_rows_alone(scenario: Scenario) -> None:
    """Rows before its first moment and after its last are those of an ordinary hour, and rows between are not."""
    for hour in {number_of(scenario), (scenario.span.end - FIRST) // HOUR}:
        usual, found = log_of(hour, ()), log_of(hour)
        assert usual["request_id"].equals(found["request_id"])
        at = found["answered_at"]
        apart = pc.or_(pc.less(at, scenario.span.start), pc.greater_equal(at, scenario.span.end))
        assert usual.filter(apart).equals(found.filter(apart))
    first = number_of(scenario)
    assert not log_of(first, ()).equals(log_of(first))


def test_scenarios_do_what_they_say() -> None:
    """The size of each, in an hour that is all its own."""
    injection, regression, template, provider, loops, tokenizer = (number_of(each) + 1 for each in SCENARIOS)
    assert words(log_of(injection)) < 0.8 * words(log_of(injection, ()))
    both = pa.concat_tables([log_of(hour) for hour in range(regression - 1, regression + 3)])
    assert refused(both) == pytest.approx(0.09, abs=0.012)
    json_of = log_of(template).filter(pc.equal(log_of(template)["expects"], "json"))["response"].drop_null()
    assert np.mean([is_json(text) for text in json_of.to_pylist()]) < 0.4
    slow = log_of(provider)
    assert np.median(slow["seconds"].to_numpy()) > 2 * np.median(log_of(provider, ())["seconds"].to_numpy())
    assert share(pc.is_null(slow["response"])) > 0.05
    assert share(pc.equal(slow["response"], "")) > 0.02
    again = [1 - len(set(text.split())) / len(text.split()) for text in texts_of(loops)]
    assert np.mean(np.array(again) > 0.7) > 0.05
    doubled, usual = log_of(tokenizer), log_of(tokenizer, ())
    assert doubled["response"].equals(usual["response"])
    assert pc.sum(doubled["prompt_tokens"]).as_py() == pytest.approx(
        2 * pc.sum(usual["prompt_tokens"]).as_py(), rel=0.01
    )


def texts_of(hour: int) -> list[str]:
    """The answers of an hour that have words."""
    return [text for text in log_of(hour)["response"].drop_null().to_pylist() if text.split()]


def test_ordinary_hours_lie_between_scenarios() -> None:
    """At least three before each, and nothing goes wrong in the first half."""
    spans = [scenario.span for scenario in SCENARIOS]
    assert spans[0].start - FAULTY_FROM >= 3 * HOUR
    assert all(later.start - earlier.end >= 3 * HOUR for earlier, later in pairwise(spans))
    assert PRODUCTION.end - spans[-1].end >= 3 * HOUR
    assert PRODUCTION.end - FAULTY_FROM == FAULTY_FROM - PRODUCTION.start
    assert len(hours(PRODUCTION)) == 96
