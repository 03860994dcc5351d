"""The test of all columns jointly, for hourly windows of a reference whose sample has few rows of each hour."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_tasks.assessment import Basis, Observed, load_assessor
from monitoring_tasks.calibration.assess import Assessment
from monitoring_tasks.champion import load_reference, pin_champion
from monitoring_tasks.checks import Check
from monitoring_tasks.explaining import explain
from monitoring_tasks.pieces import Pieces
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window import DAY, HOUR, Window
from tests.hourly import REFERENCE_DAYS, START, YAML, Hourly, answers, hour

JOINT = YAML.replace("alarms: {joint: false, levels: [words, refusal, seconds]}", "")
CLEAN = range(6)


def busy(number: int, count: int = 600) -> pa.Table:
    """An ordinary hour: answers are longer in some and slower in others, together or not, as it comes."""
    random = np.random.default_rng([9, REFERENCE_DAYS * 24 + number])
    longer, slower = random.normal(0, 0.5, 2)
    return answers(START + HOUR * number, count=count, longer=longer, slower=float(np.exp(0.8 * slower)))


@pytest.fixture
def hourly(tmp_path: Path) -> Hourly:
    """The monitor with its joint test, a reference of such hours, and a few more of them in the log."""
    made = Hourly(tmp_path, JOINT)
    ordinary = [busy(number, count=200) for number in range(-24 * REFERENCE_DAYS, 0)]
    pq.write_table(pa.concat_tables(ordinary), tmp_path / "reference.parquet")
    for number in CLEAN:
        made.put(number, busy(number))
    return made


def judged(hourly: Hourly, runtime: Runtime, number: int) -> Assessment:
    """An hour as its assessor judges it."""
    monitor, window = hourly.monitor, hour(number)
    reference = load_reference(monitor, runtime, pin_champion(monitor, runtime))
    basis = Basis.of(monitor, runtime, reference, window)
    observed = Observed(window, *Pieces.of(monitor, runtime, reference).had(window))
    return load_assessor(monitor, runtime, basis, window).judge(observed)


def test_hours_are_not_judged_by_an_assumption_known_to_be_wrong(
    hourly: Hourly, runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    """What hours differ by cannot be learnt from fifteen rows of each: no joint test is made, and the log says it."""
    with caplog.at_level(logging.WARNING):
        assessments = [judged(hourly, runtime, number) for number in CLEAN]
    assert [each.found for each in assessments] == [[]] * len(CLEAN)
    assert all((Check.JOINT, None) not in each.tests and Check.JOINT not in each.whole for each in assessments)
    told = [each.getMessage() for each in caplog.records if "joint" in each.getMessage()]
    assert told == ["joint.untested monitor=answers width=1:00:00 reference_lacks=rows"]


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (
            HOUR,
            "No joint test: the reference is known by a sample, and fewer than 5 windows of one hour have 40 rows in "
            "it, so what ordinary ones differ by is not known. Wider windows would mend it.",
        ),
        (
            7 * DAY,
            "No joint test: the reference has fewer than 5 windows of 7 days, so what ordinary ones differ by is not "
            "known. A longer reference, or narrower windows, would mend it.",
        ),
        (DAY, "Joint changes of 4 columns are seen from an AUC of 0."),
    ],
)
def test_it_is_explained_why_no_joint_test_is_made(
    hourly: Hourly, runtime: Runtime, width: timedelta, said: str
) -> None:
    """Hours have too few sampled rows, and weeks are too few; days have a test."""
    words = explain(hourly.monitor, runtime, Window(START, START + width)).words
    (found,) = (line for line in words if "oint test" in line or "Joint changes" in line)
    assert found.startswith(said)
