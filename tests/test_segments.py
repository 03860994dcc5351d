"""Segments from the rows to the verdict: what moved in one value alone is found, named and shown, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_tasks import pieces as module
from monitoring_tasks.champion import load_reference, pin_champion
from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.policy.verdict import Outcome, Verdict
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.steps import open_window, profile_window, reach_verdict, run_suites
from monitoring_tasks.window import Window
from tests.production import FIRST_DAY, YAML, Production, rows

SEGMENTS = YAML + "segments: [plan]\nsegment_rows: 100\n"
HOSTILE = "</script><img src=x onerror=alert(1)>, =\\"


def day(number: int) -> Window:
    """The window of one day."""
    return Window.parse(str(FIRST_DAY + timedelta(days=number)), str(FIRST_DAY + timedelta(days=number + 1)))


def moved(when: date, *, plan: str = "pro", to: float = 30.0, **more: Any) -> dict[str, Any]:
    """A day on which the spending of one plan moved, of about 300 in 3,000 rows."""
    found = rows(when, count=3000, **more)
    own = found["plan"] == plan
    return {**found, "spend": np.where(own, found["spend"] + to, found["spend"])}


def judged(monitor: Monitor, runtime: Runtime, window: Window) -> tuple[Verdict, list[CheckResult], str]:
    """Verdict, check results and page of a window."""
    subject = open_window(monitor, runtime, window)
    profile_window(monitor, runtime, subject)
    report = run_suites(monitor, runtime, subject)["report"]
    verdict = Verdict.from_json(reach_verdict(monitor, runtime, subject, run={}))
    page = runtime.artifacts.read(report)
    assert page is not None
    return verdict, runtime.store.results(verdict.subject) or [], page.decode()


def in_segments(results: list[CheckResult]) -> list[CheckResult]:
    """The results that are of a segment."""
    return [result for result in results if result.segment]


def test_a_shift_of_one_segment_is_found_there(tmp_path: Path, runtime: Runtime) -> None:
    """The spending of one plan in ten doubles: the segment is named in the verdict, stored, and listed on the page."""
    production = Production(tmp_path, yaml=SEGMENTS)
    production.write(FIRST_DAY, count=3000, columns=moved(FIRST_DAY))
    verdict, results, page = judged(load_monitor(production.monitor_file), runtime, day(0))
    found = [result for result in in_segments(results) if result.status is Status.FAILED]
    assert [(result.column, result.segment, result.suite) for result in found] == [
        ("spend", "plan=pro", Suite.DATA_DRIFT)
    ]
    (only,) = found
    assert only.large
    assert only.evidence is not None
    assert (only.evidence.effect or 0) > 0.5
    assert {result.segment for result in in_segments(results)} == {"plan=basic", "plan=plus", "plan=pro"}
    assert {result.column for result in in_segments(results)} == {"age", "spend", "score"}
    assert any(reason.startswith("spend in plan=pro: drift in a segment, psi") for reason in verdict.reasons)
    assert "Segments: 3 looked at" in page
    assert verdict.outcome is Outcome.WARNING


def test_quiet_segments_say_nothing(tmp_path: Path, runtime: Runtime) -> None:
    """An ordinary day: every segment passes, and the page says so in one line."""
    production = Production(tmp_path, yaml=SEGMENTS)
    production.write(FIRST_DAY, count=3000)
    verdict, results, page = judged(load_monitor(production.monitor_file), runtime, day(0))
    assert {result.status for result in in_segments(results)} == {Status.PASSED}
    assert verdict.outcome is Outcome.HEALTHY
    assert '"Segments"' in page


def test_without_segments_nothing_changes(tmp_path: Path, runtime: Runtime) -> None:
    """The results of all rows have the same values whether or not segments are looked at; only p-values are corrected
    for more tests."""
    production = Production(tmp_path)
    production.write(FIRST_DAY, count=3000, columns=moved(FIRST_DAY))
    _, plain, page = judged(load_monitor(production.monitor_file), runtime, day(0))
    production.configure(SEGMENTS)
    _, cut, _ = judged(load_monitor(production.monitor_file), runtime, day(0))
    whole = [result for result in cut if not result.segment]
    assert [replace(each, evidence=None, status=Status.PASSED) for each in whole] == [
        replace(each, evidence=None, status=Status.PASSED) for each in plain
    ]
    assert not in_segments(plain)
    assert "Segments" not in page


def test_a_segment_with_few_rows_is_left_out(tmp_path: Path, runtime: Runtime) -> None:
    """Fewer rows than asked for, in the window or in the reference: no result, whatever they hold."""
    production = Production(tmp_path, yaml=SEGMENTS.replace("100", "500"))
    production.write(FIRST_DAY, count=3000, columns=moved(FIRST_DAY))
    _, results, _ = judged(load_monitor(production.monitor_file), runtime, day(0))
    assert {result.segment for result in in_segments(results)} == {"plan=basic", "plan=plus"}
    production.configure(SEGMENTS.replace("100", "1000"))
    _, results, _ = judged(load_monitor(production.monitor_file), runtime, day(0))
    assert {result.segment for result in in_segments(results)} == {"plan=basic"}


def test_segments_have_their_own_trailing_baseline(tmp_path: Path, runtime: Runtime) -> None:
    """A segment that moved a week ago is compared with its own days since: the same there is no finding, back is."""
    yaml = SEGMENTS + "drift: {baseline: {kind: trailing, width: 3d}}\n"
    production = Production(tmp_path, yaml=yaml)
    for number in range(4):
        when = FIRST_DAY + timedelta(days=number)
        production.write(when, count=3000, columns=moved(when))
    when = FIRST_DAY + timedelta(days=4)
    production.write(when, count=3000)
    monitor = load_monitor(production.monitor_file)
    _, same, _ = judged(monitor, runtime, day(3))
    assert in_segments(same)
    assert {result.status for result in in_segments(same)} == {Status.PASSED}
    _, back, _ = judged(monitor, runtime, day(4))
    assert [(result.segment, result.column) for result in in_segments(back) if result.status is Status.FAILED] == [
        ("plan=pro", "spend")
    ]
    _, early, _ = judged(monitor, runtime, day(0))
    assert in_segments(early) == []


@pytest.mark.parametrize(("rules", "method"), [("psi", "psi"), ("classic", "ks_p_value"), ("evidently", "wasserstein")])
def test_by_other_rules_each_score_is_judged_by_its_limits(
    tmp_path: Path, runtime: Runtime, rules: str, method: str
) -> None:
    """No correction and no evidence: the score of the segment beyond the rule's limit is a finding."""
    production = Production(tmp_path, yaml=SEGMENTS + f"policy: {{rules: {rules}}}\n")
    production.write(FIRST_DAY, count=3000, columns=moved(FIRST_DAY))
    _, results, _ = judged(load_monitor(production.monitor_file), runtime, day(0))
    found = {(result.segment, result.column): result for result in in_segments(results)}
    spend = found["plan=pro", "spend"]
    assert (spend.status, spend.method, spend.evidence) == (Status.FAILED, method, None)
    assert spend.large is (rules != "evidently")
    assert found["plan=basic", "age"].status is Status.PASSED


def test_hostile_values_stay_text(tmp_path: Path, runtime: Runtime) -> None:
    """A category that is a script: the page holds it as text; the segment is stored and told by an unambiguous name."""
    production = Production(tmp_path, yaml=SEGMENTS)
    table = pq.read_table(tmp_path / "reference.parquet")
    named = [HOSTILE if plan == "pro" else plan for plan in table["plan"].to_pylist()]
    place = table.column_names.index("plan")
    pq.write_table(table.set_column(place, "plan", pa.array(named)), tmp_path / "reference.parquet")
    columns = moved(FIRST_DAY)
    columns["plan"] = [HOSTILE if plan == "pro" else plan for plan in columns["plan"]]
    production.write(FIRST_DAY, count=3000, columns=columns)
    verdict, results, page = judged(load_monitor(production.monitor_file), runtime, day(0))
    (found,) = [result for result in in_segments(results) if result.status is Status.FAILED]
    assert found.segment == "plan=</script><img src\\=x onerror\\=alert(1)>\\, \\=\\\\"
    assert "<img src" not in page
    assert any(found.segment in reason for reason in verdict.reasons)


def test_known_pieces_are_not_read_again(tmp_path: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The profiles of a piece's segments are kept beside its own; where they are gone the piece is read again."""
    production = Production(tmp_path, yaml=SEGMENTS)
    production.write(FIRST_DAY, count=3000)
    monitor, scans = load_monitor(production.monitor_file), []
    original = module.scan

    def counting(*args: Any) -> Any:
        scans.append(args[1])
        return original(*args)

    monkeypatch.setattr(module, "scan", counting)
    first = judged(monitor, runtime, day(0))
    again = judged(monitor, runtime, day(0))
    assert len(scans) == 1
    assert first[1] == again[1]
    for key in list((tmp_path / "home").rglob("*.segments.parquet")):
        key.unlink()
    assert judged(monitor, runtime, day(0))[1] == first[1]
    assert len(scans) == 2


def test_a_piece_and_its_segments_are_of_the_same_rows(tmp_path: Path, runtime: Runtime) -> None:
    """Rows that come in between count in neither; what is read later is kept under a name of its own."""
    production = Production(tmp_path, yaml=SEGMENTS)
    production.write(FIRST_DAY, count=3000)
    monitor = load_monitor(production.monitor_file)
    reference = load_reference(monitor, runtime, pin_champion(monitor, runtime))

    def rows_of(pieces: module.Pieces) -> tuple[int, int]:
        (profile, _), segments = pieces.had(day(0)), pieces.segments_of([day(0)])
        return profile.rows, sum(each.rows for each in segments.values())

    assert rows_of(module.Pieces.of(monitor, runtime, reference)) == (3000, 3000)
    early = module.Pieces.of(monitor, runtime, reference)
    early.had(day(0))
    late = tmp_path / "predictions" / f"day={FIRST_DAY:%Y-%m-%d}" / "part-1.parquet"
    pq.write_table(pa.table(rows(FIRST_DAY, count=1000, seed=9)), late)
    assert sum(each.rows for each in early.segments_of([day(0)]).values()) == 3000
    assert early.scanned(day(0))[0].rows == 4000
    assert rows_of(early) == rows_of(module.Pieces.of(monitor, runtime, reference)) == (4000, 4000)


def test_results_say_what_check_they_are_of(tmp_path: Path, runtime: Runtime) -> None:
    """The check is drift, the suite that of the column, and keys of different segments differ."""
    production = Production(tmp_path, yaml=SEGMENTS)
    production.write(FIRST_DAY, count=3000)
    _, results, _ = judged(load_monitor(production.monitor_file), runtime, day(0))
    found = in_segments(results)
    assert {result.check for result in found} == {Check.DRIFT}
    assert {result.column for result in found if result.suite is Suite.PREDICTION_DRIFT} == {"score"}
    assert len({result.key for result in results}) == len(results)


@pytest.mark.parametrize("rules", ["calibrated", "psi"])
def test_segments_that_are_nowhere_are_undecided(tmp_path: Path, runtime: Runtime, rules: str) -> None:
    """The column is not logged any more: that nothing was found in its segments is no pass."""
    production = Production(tmp_path, yaml=SEGMENTS + f"policy: {{rules: {rules}}}\nignore: [plan]\n")
    production.write(FIRST_DAY, count=3000, columns={"plan": None})
    verdict, results, page = judged(load_monitor(production.monitor_file), runtime, day(0))
    (only,) = in_segments(results)
    assert (only.segment, only.column, only.status) == ("plan", None, Status.UNDECIDED)
    said = "plan: drift undecided: no row has a value that the reference knows"
    assert said in verdict.reasons
    assert verdict.outcome is Outcome.WARNING
    assert "Segments: 0 looked at" in page


def test_a_segment_of_rare_values_alone_is_undecided(tmp_path: Path, runtime: Runtime) -> None:
    """Thousands of values with a row or two each: nothing is looked at, and that is said."""
    production = Production(tmp_path, yaml=YAML + "segments: [plan, visitor]\nsegment_rows: 100\n")
    known = pq.read_table(tmp_path / "reference.parquet")
    pq.write_table(known.append_column("visitor", known["id"]), tmp_path / "reference.parquet")
    production.write(FIRST_DAY, count=3000, columns={"visitor": [str(number // 2) for number in range(3000)]})
    verdict, results, _ = judged(load_monitor(production.monitor_file), runtime, day(0))
    (only,) = [result for result in in_segments(results) if result.status is not Status.PASSED]
    assert (only.segment, only.status) == ("visitor", Status.UNDECIDED)
    assert any("no value has segment_rows 100 rows in the reference: lower it" in said for said in verdict.reasons)
