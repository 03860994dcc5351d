"""What a verdict gives reason to tell: which causes, which columns first, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.features_section import Feature
from monitoring_tasks.incidents.reading import UNDECIDED, Cause, Signal
from monitoring_tasks.incidents.signals import signals_of, source_id
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.policy.decision import Given, Unknown, decide, unknown, weigh
from monitoring_tasks.policy.easing import lowered, raised
from monitoring_tasks.policy.verdict import Outcome, Subject, Verdict
from monitoring_tasks.retraining_section import Labels
from monitoring_tasks.sections import FileReference, ParquetSource, RestSource, SqlSource
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window

MONITOR = Monitor(
    name="churn",
    owner="growth",
    task="binary",
    source=SqlSource(kind="sql", connection="warehouse", table="predictions"),
    reference=FileReference(path="reference.parquet"),
    timestamp="at",
    prediction="score",
    features={"temp": Feature(upstream="weather"), "wind": Feature(), "gust": Feature()},
    upstream="orders",
)
SUBJECT = Subject("churn", "v1", Window.parse("2013-06-03", "2013-06-04"), MONITOR.config_hash)
FIGURES = {"known_at": "2013-06-10T00:00:00Z"}
OF_DATA = {Cause.DATA_QUALITY, Cause.DRIFT, Cause.NO_DATA}


def failed(check: Check, column: str | None = None, suite: Suite = Suite.DATA_QUALITY, **more: Any) -> CheckResult:
    """A check that failed by far, unless told otherwise."""
    words = {"status": Status.FAILED, "value": 0.5, "threshold": 0.1, "large": True, **more}
    return CheckResult(suite, check, column=column, **words)


def drift(column: str, value: float = 0.4, **more: Any) -> CheckResult:
    """Drift of a feature, or of the prediction."""
    suite = Suite.PREDICTION_DRIFT if column == "score" else Suite.DATA_DRIFT
    return failed(Check.DRIFT, column, suite, method="psi", value=value, threshold=0.2, **more)


def verdict(*results: CheckResult, evidence: Mapping[str, Any] | None = None, **more: Any) -> Verdict:
    """The verdict on results, by the policy as it is."""
    return weigh(MONITOR, SUBJECT, Given(results, 1000, evidence=evidence, **more))


def signals(found: Verdict, monitor: Monitor = MONITOR) -> dict[tuple[Cause, tuple[str, ...]], Signal]:
    """The signals of a verdict by cause and columns."""
    return {(each.cause, each.columns): each for each in signals_of(monitor, found)[1]}


def only(found: Verdict, monitor: Monitor = MONITOR) -> Signal:
    """The one signal of a verdict."""
    (signal,) = signals_of(monitor, found)[1]
    return signal


def test_health_is_said_of_what_was_looked_at() -> None:
    """A healthy window has no signal, and covers what its suites are about."""
    assert signals_of(MONITOR, verdict(drift("temp", 0.01, status=Status.PASSED))) == (OF_DATA, ())
    healthy = verdict(failed(Check.COVERAGE, suite=Suite.PERFORMANCE, status=Status.PASSED), evidence=FIGURES)
    assert signals_of(MONITOR, healthy) == ({Cause.PERFORMANCE, Cause.LABELS}, ())


def test_faults_are_told_by_column_and_drift_as_one() -> None:
    """Each column at fault has a signal of its own, worst first; columns that drift have one together."""
    found = verdict(
        failed(Check.MISSING_SHARE, "temp"),
        failed(Check.COLUMN_PRESENT, "gust"),
        failed(Check.DUPLICATE_SHARE),
        drift("wind"),
        drift("score", 0.3),
    )
    covers, told = signals_of(MONITOR, found)
    assert covers == OF_DATA
    assert [(each.cause, each.columns, each.severity.word) for each in told] == [
        (Cause.DATA_QUALITY, ("gust",), "critical"),
        (Cause.DRIFT, ("score", "wind"), "high"),
        (Cause.DATA_QUALITY, (), "medium"),
        (Cause.DATA_QUALITY, ("temp",), "medium"),
    ]
    assert [each.topics for each in told] == [
        ("data_quality",),
        ("prediction_drift", "data_drift"),
        ("data_quality",),
        ("data_quality",),
    ]


def test_drift_that_a_fault_explains_is_a_fault() -> None:
    """What looks like drift and is a change of unit goes to whoever mends data."""
    signal = only(verdict(drift("temp", cause="temp: values look like Fahrenheit")))
    assert (signal.cause, signal.topics) == (Cause.DATA_QUALITY, ("data_quality",))
    assert signal.reasons[-1] == "probable cause: temp: values look like Fahrenheit"


def test_columns_come_from_somewhere() -> None:
    """A column from its own upstream, else the monitor's; what the model or its log make, from the log itself."""
    told = signals(
        verdict(
            failed(Check.MISSING_SHARE, "temp"),
            failed(Check.MISSING_SHARE, "wind"),
            failed(Check.TIME_GAP),
            drift("score"),
            drift("gust"),
        )
    )
    assert {key: each.anchors for key, each in told.items()} == {
        (Cause.DATA_QUALITY, ("temp",)): ("weather#temp",),
        (Cause.DATA_QUALITY, ("wind",)): ("orders#wind",),
        (Cause.DATA_QUALITY, ()): ("warehouse:predictions#",),
        (Cause.DRIFT, ("score", "gust")): ("warehouse:predictions#score", "orders#gust"),
    }


def test_a_monitor_without_upstream_shares_its_source() -> None:
    """Columns that nobody says the origin of come from where the rows are read."""
    plain = MONITOR.model_copy(update={"upstream": None})
    assert only(verdict(drift("wind")), plain).anchors == ("warehouse:predictions#wind",)


def test_a_joint_change_comes_from_nowhere() -> None:
    """Without a column there is nothing that monitors could share."""
    signal = only(verdict(failed(Check.JOINT, suite=Suite.DATA_DRIFT)))
    assert (signal.cause, signal.columns, signal.anchors) == (Cause.DRIFT, (), ())


def test_sources_have_names_without_secrets(tmp_path: Path) -> None:
    """Folder, table, query or address: the same for all monitors that read it."""
    local = MONITOR.model_copy(update={"source": ParquetSource(path="data")}).located(tmp_path)
    assert source_id(local) == str((tmp_path / "data").resolve())
    assert source_id(MONITOR, ParquetSource(path="s3://key:secret@bucket/x")) == "s3://***@bucket/x"
    assert source_id(MONITOR, SqlSource(kind="sql", connection="w", query="SELECT 1")) == "w:e004ebd5b553"
    assert source_id(MONITOR, RestSource(kind="rest", url="/rows?token=s3cret", connection="api")) == "api:/rows"
    assert source_id(MONITOR, RestSource(kind="rest", url="https://x.org/rows")) == "https://x.org/rows"


def test_columns_are_ranked_by_drift_and_importance() -> None:
    """Of equally severe ones the first is that whose drift matters most to the model, as the policy ranks findings."""
    results = (drift("temp", 0.9), drift("wind", 0.5), drift("gust", 0.4))
    assert only(verdict(*results)).columns == ("temp", "wind", "gust")
    weighed = verdict(*results, importances={"temp": 0.01, "wind": 0.2, "gust": 0.5})
    assert only(weighed).columns == ("gust", "wind", "temp")


def test_severity_comes_before_importance() -> None:
    """Severe drift stands before drift, however little its column matters."""
    results = (drift("temp", 0.3), drift("wind", 0.9, severe=True))
    assert only(verdict(*results, importances={"temp": 1.0, "wind": 0.01})).columns == ("wind", "temp")


def test_reasons_are_those_of_the_signal() -> None:
    """Each signal has the verdict's sentences about it and no other's, the probable cause last."""
    told = signals(
        verdict(
            failed(Check.MISSING_SHARE, "temp", cause="temp: no values from 14:00 on"),
            drift("temp", segment="carrier=UA"),
            drift("wind"),
            failed(Check.DUPLICATE_SHARE),
        )
    )
    assert {key: each.reasons for key, each in told.items()} == {
        (Cause.DATA_QUALITY, ("temp",)): (
            "temp: missing values, 50% against 10% allowed",
            "probable cause: temp: no values from 14:00 on",
        ),
        (Cause.DATA_QUALITY, ()): ("duplicated rows, duplicate share 0.5 against 0.1",),
        (Cause.DRIFT, ("wind", "temp")): (
            "wind: drift of an important feature, psi 0.4 against 0.2",
            "temp in carrier=UA: drift in a segment, psi 0.4 against 0.2",
        ),
    }


def test_sentences_about_several_segments_are_found() -> None:
    """The verdict says them in one line, beginning with the worst."""
    segments = [drift(column, segment=f"carrier={name}") for column in ("temp", "wind") for name in ("UA", "DL")]
    told = signals(verdict(failed(Check.DUPLICATE_SHARE), *segments))
    (reason,) = told[Cause.DRIFT, ("temp", "wind")].reasons
    assert reason.startswith("worst segment carrier=DL: temp: drift in a segment")


def test_a_finding_that_the_verdict_only_counts_has_a_sentence() -> None:
    """Beyond the sentences of a verdict there are columns that are at fault, too."""
    names = [f"c{number:02}" for number in range(15)]
    found = verdict(*(failed(Check.OUT_OF_RANGE_SHARE, name) for name in names))
    assert found.reasons[-1] == "and 3 more findings"
    told = signals(found)
    assert told[Cause.DATA_QUALITY, ("c14",)].reasons == ("c14: values out of range, 0.5 against 0.1",)
    assert all(each.reasons for each in told.values())


def test_columns_missing_together_are_told_in_one_line_each_time() -> None:
    """Each column has its signal, and all of them the same sentence and cause: the incident has both once."""
    cause = "the same rows lack answer (a source or provider that did not answer?)"
    names = [f"c{number}" for number in range(8)]
    found = verdict(*(failed(Check.MISSING_SHARE, name, cause=cause) for name in names), drift("wind"))
    told = signals(found)
    assert {key[1] for key in told if key[0] is Cause.DATA_QUALITY} == {(name,) for name in names}
    assert {each.reasons for each in told.values() if each.cause is Cause.DATA_QUALITY} == {
        (
            "values of 8 columns are missing together, in 50% of the rows (10% allowed): c0, c1, c2, c3, c4 and 3 more",
            f"probable cause: {cause}",
        )
    }
    assert told[Cause.DRIFT, ("wind",)].reasons == ("wind: drift of an important feature, psi 0.4 against 0.2",)


def test_a_column_missing_with_others_keeps_its_other_sentences() -> None:
    """What else is found in it is told beside the line that it shares."""
    shared = [failed(Check.MISSING_SHARE, name) for name in ("temp", "wind")]
    told = signals(verdict(*shared, failed(Check.OUT_OF_RANGE_SHARE, "temp"), drift("gust")))
    line = "values of 2 columns are missing, in 50% of the rows each (10% allowed): temp, wind"
    assert told[Cause.DATA_QUALITY, ("temp",)].reasons == (
        line,
        "temp: values out of range, out of range share 0.5 against 0.1",
    )
    assert told[Cause.DATA_QUALITY, ("wind",)].reasons == (line,)


def test_a_shared_line_that_the_verdict_only_counts_is_told() -> None:
    """Beyond the sentences of a verdict it is said all the same, and in the same words."""
    ranges = [failed(Check.OUT_OF_RANGE_SHARE, f"c{number:02}", value=0.9) for number in range(15)]
    told = signals(verdict(*ranges, failed(Check.MISSING_SHARE, "temp"), failed(Check.MISSING_SHARE, "wind")))
    line = "values of 2 columns are missing, in 50% of the rows each (10% allowed): temp, wind"
    assert told[Cause.DATA_QUALITY, ("wind",)].reasons == (line,)


def test_the_only_signal_has_every_sentence() -> None:
    """Where there is nothing else, nothing the verdict says is left out."""
    found = verdict(drift("temp"), drift("wind"))
    assert only(found).reasons == found.reasons


def test_hostile_names_are_told_on_one_line() -> None:
    """A column name with control characters forges no line; the column itself stays what it is."""
    signal = only(verdict(failed(Check.MISSING_SHARE, "a\nb\x1b[31m")))
    assert signal.columns == ("a\nb\x1b[31m",)
    assert all(reason.isprintable() for reason in signal.reasons)


def test_what_was_lowered_is_low_and_says_why() -> None:
    """Drift without harm is low as a whole, and the reason for that stands first."""
    found = lowered(verdict(drift("temp"), failed(Check.UNSEEN_SHARE, "wind", large=False)), "no harm is expected")
    told = signals(found)
    assert all(each.severity is Severity.LOW for each in told.values())
    assert told[Cause.DRIFT, ("temp",)].reasons[0] == "no harm is expected"
    assert "no harm is expected" not in told[Cause.DATA_QUALITY, ("wind",)].reasons


def test_what_was_raised_is_worse_and_says_why() -> None:
    """Drift beside worse figures is a step worse, a fault of the data is not."""
    found = raised(verdict(failed(Check.MISSING_SHARE, "wind"), drift("temp")), "the figures are worse as well")
    told = signals(found)
    assert told[Cause.DRIFT, ("temp",)].severity is Severity.HIGH
    assert "the figures are worse as well" in told[Cause.DRIFT, ("temp",)].reasons
    assert told[Cause.DATA_QUALITY, ("wind",)].severity is Severity.MEDIUM
    assert "the figures are worse as well" not in told[Cause.DATA_QUALITY, ("wind",)].reasons


@pytest.mark.parametrize("rows", [0, 10])
def test_too_little_to_judge_is_its_own_cause(rows: int) -> None:
    """A window without enough rows says that, and nothing of drift, whatever its checks say."""
    found = decide(MONITOR, SUBJECT, Given([drift("temp")] if rows else [], rows))
    covers, (signal,) = signals_of(MONITOR, found)
    assert covers == {Cause.NO_DATA}
    assert (signal.cause, signal.topics, signal.anchors) == (Cause.NO_DATA, ("no_data",), ("warehouse:predictions",))
    assert signal.outcome == ("too_few_rows" if rows else "no_data")
    assert signal.severity is (Severity.LOW if rows else Severity.MEDIUM)
    assert signal.reasons == found.reasons


def of_figures(outcome: Outcome, severity: Severity) -> Verdict:
    """A verdict on figures that could not be judged."""
    return unknown(MONITOR, SUBJECT, Given((), 0, evidence=FIGURES), Unknown(outcome, severity, "why"))


@pytest.mark.parametrize(
    ("outcome", "severity"), [(Outcome.LABELS_IMMATURE, Severity.LOW), (Outcome.NO_DATA, Severity.MEDIUM)]
)
def test_figures_that_cannot_be_known_yet_say_nothing(outcome: Outcome, severity: Severity) -> None:
    """Labels are still coming; and where there were no predictions, the monitor's own run has told of it."""
    assert signals_of(MONITOR, of_figures(outcome, severity)) == (frozenset(), ())


@pytest.mark.parametrize("outcome", [Outcome.LABELS_IMMATURE, Outcome.TOO_FEW_ROWS])
def test_labels_that_did_not_come_are_told(outcome: Outcome) -> None:
    """Where labels should be there and are not, the log of labels is what monitors share."""
    source = RestSource(kind="rest", url="https://x.org/labels")
    monitor = MONITOR.model_copy(update={"labels": Labels(source=source)})
    covers, (signal,) = signals_of(monitor, of_figures(outcome, Severity.MEDIUM))
    assert covers == {Cause.LABELS}
    assert (signal.cause, signal.topics, signal.outcome) == (Cause.LABELS, ("labels",), outcome.value)
    assert signal.anchors == ("https://x.org/labels",)


def test_worse_figures_and_missing_labels_are_two_causes() -> None:
    """Metrics are the columns of worse figures; nobody shares them."""
    worse = failed(Check.CHAMPION_DROP, "auc", Suite.PERFORMANCE, detail="0.61, 0.07 below the reference")
    few = failed(Check.COVERAGE, suite=Suite.PERFORMANCE)
    covers, told = signals_of(MONITOR, verdict(worse, few, evidence=FIGURES))
    assert covers == {Cause.PERFORMANCE, Cause.LABELS}
    assert [(each.cause, each.columns, each.anchors, each.topics) for each in told] == [
        (Cause.PERFORMANCE, ("auc",), (), ("performance",)),
        (Cause.LABELS, (), ("warehouse:predictions",), ("labels",)),
    ]
    assert told[0].reasons == ("auc: 0.61, 0.07 below the reference",)
    assert told[1].reasons == ("labels missing, coverage 0.5 against 0.1",)


def test_what_is_undecided_names_its_columns_only_alone() -> None:
    """Beside what failed it is named in the reasons; without, it is all there is."""
    open_question = drift("gust", status=Status.UNDECIDED, value=None, detail="no baseline yet")
    alone = only(verdict(open_question))
    assert (alone.columns, alone.outcome, alone.severity) == (("gust",), UNDECIDED, Severity.LOW)
    beside = only(verdict(open_question, drift("temp")))
    assert (beside.columns, beside.outcome) == (("temp",), "")
    told = signals(verdict(open_question, replace(open_question, column="wind"), failed(Check.DUPLICATE_SHARE)))
    assert told[Cause.DRIFT, ("gust", "wind")].reasons == ("gust, wind: drift undecided: no baseline yet",)


@given(
    st.lists(
        st.builds(
            failed,
            st.sampled_from([each for each in Check if each is not Check.ROW_COUNT]),
            st.none() | st.text(min_size=1, max_size=5),
            st.sampled_from([Suite.DATA_QUALITY, Suite.DATA_DRIFT, Suite.PREDICTION_DRIFT]),
            cause=st.sampled_from(["", "a cause"]),
            segment=st.sampled_from(["", "carrier=UA"]),
            value=st.none() | st.floats(allow_nan=False),
            status=st.sampled_from(Status),
        ),
        min_size=1,
    )
)
def test_nothing_that_was_found_is_lost(results: list[CheckResult]) -> None:
    """Every finding is in a signal; the worst is as severe as the verdict, each has a reason, columns of faults one."""
    found = verdict(*results)
    _, told = signals_of(MONITOR, found)
    assert max((each.severity for each in told), default=Severity.NONE) is found.severity
    assert all(each.reasons for each in told)
    faults = [each.columns for each in told if each.cause is Cause.DATA_QUALITY]
    assert len(faults) == len(set(faults))
    assert [each.cause for each in told].count(Cause.DRIFT) <= 1
    named = {column for each in told for column in each.columns}
    decided = {each["column"] for each in found.evidence["findings"] if each["status"] != "undecided"}
    assert decided - {None} <= named
    assert Signal.from_json(told[0].to_json()) == told[0] if told else True
