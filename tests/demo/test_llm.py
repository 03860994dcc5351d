"""The parts of the world of answers that need no hour judged; the whole of it is run by `make demo-llm`."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demo.worlds.answers import FIRST
from demo.worlds.llm import REFERENCE, Ear, heard, hour_of, the_monitor, write_hour
from demo.worlds.llm_faults import PRODUCTION, SCENARIOS, hours, log_of
from monitoring_tasks.alerts.channel import Delivery
from monitoring_tasks.alerts.message import Message
from monitoring_tasks.alerts_section import Alerts
from monitoring_tasks.faults.distribution import profiled
from monitoring_tasks.faults.units import unit_change
from monitoring_tasks.policy.verdict import Outcome, Subject, Verdict
from monitoring_tasks.profile.binning import numeric_bins
from monitoring_tasks.profile.kernel import profile_column
from monitoring_tasks.sections import ParquetSource
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import HOUR

OPENED = Delivery("1", Message(Severity.HIGH, "HIGH: sudden change in refusal"), "drift-1", "opened")


def test_an_hour_is_written_where_the_example_reads_it(tmp_path: Path) -> None:
    """In a folder of its own, named as the monitor's partition is; production follows on the reference."""
    write_hour(tmp_path, REFERENCE)
    source, (file,) = the_monitor().source, tmp_path.rglob("*.parquet")
    assert isinstance(source, ParquetSource)
    first = PRODUCTION.start.strftime(source.partition_format)
    assert file.relative_to(tmp_path) == Path(f"{source.partition}={first}") / "part-0.parquet"
    assert pq.read_table(file, partitioning=None).equals(log_of(REFERENCE))


def test_answers_that_repeat_themselves_are_no_data_fault() -> None:
    """They are far longer than others, and their tokens were counted in no other unit: no hour of them is named so."""
    (loops,) = (each for each in SCENARIOS if each.words == "repetition loops")
    ordinary = pa.concat_tables([log_of(hour) for hour in range(REFERENCE - 48, REFERENCE)])
    said = []
    for name in ("output_tokens", "seconds"):
        known = ordinary[name].drop_null().to_numpy().astype(float)
        bins = numeric_bins(known, limits=None, slack=3)
        baseline = profiled(bins, profile_column(pa.chunked_array([known]), bins))
        assert baseline is not None
        for number in (9, 10, 11):
            table = log_of((loops.span.start - FIRST) // HOUR + number - loops.span.start.hour)
            values = table[name].drop_null().to_numpy().astype(float)
            said.append(unit_change(name, values, baseline, whole=name == "output_tokens"))
    assert said == [None] * 6


def test_only_the_log_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose shared alerts name a channel does not page anybody about made-up answers."""
    shared = tmp_path / "alerts.yaml"
    shared.write_text("channels: {ml: {kind: slack, to: '#ml-alerts'}}\n")
    monkeypatch.setenv("MONITORING_ALERTS", str(shared))
    assert the_monitor().alerts == Alerts()


def test_letters_are_remembered_and_written_to_the_file(tmp_path: Path) -> None:
    """The log's channel has them as well, and whatever else is logged is not among them."""
    ear = Ear()
    with heard(tmp_path / "alerts.log"):
        assert ear.send(OPENED) == {}
    ear.send(OPENED)
    assert ear.letters == [OPENED, OPENED]
    assert (tmp_path / "alerts.log").read_text().count("HIGH: sudden change in refusal") == 1


def test_an_hour_has_the_letters_that_are_told_aloud() -> None:
    """Those of its incidents: not that one ended, nor the digest. Its columns come once each, the worst first."""
    window = hours(PRODUCTION)[0]
    findings = [{"column": name} for name in ("refusal", None, "words", "refusal")]
    subject = Subject("llm_answers", "file", window, "c")
    verdict = Verdict(subject, Outcome.DRIFTED, Severity.HIGH, reasons=("why",), evidence={"findings": findings})
    quiet = [Delivery("2", OPENED.message, "drift-1", "resolved"), Delivery("3", OPENED.message, "", "digest")]
    hour = hour_of(verdict, [OPENED, *quiet])
    assert hour.columns == ("refusal", "words")
    assert hour.told == (OPENED.message,)
    assert hour.alarmed
