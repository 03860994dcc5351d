"""A fault of the data is named where it is: in the logged column, not in what is computed from it."""

from __future__ import annotations

from monitoring_tasks.checks import Check
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.runtime import Runtime
from tests.production import FIRST_DAY, YAML, Production, day, rows
from tests.whole_run import judge

DERIVED = "derived: {spend_a_year: {kind: ratio, of: [spend, age]}}\n"


def test_a_unit_is_that_of_the_logged_column(production: Production, runtime: Runtime) -> None:
    """Spend in cents makes its ratio a hundred times too large as well: one unit changed, and one cause is told."""
    production.configure(YAML + DERIVED)
    production.write(FIRST_DAY, columns={"spend": 100 * rows(FIRST_DAY)["spend"]})
    verdict = judge(load_monitor(production.monitor_file), runtime, day(0))
    found = runtime.store.results(verdict.subject) or []
    causes = {each.column: each.cause for each in found if each.check is Check.DRIFT and each.status == "failed"}
    assert {"spend", "spend_a_year"} <= set(causes)
    assert "100 times too large" in causes["spend"]
    assert causes["spend_a_year"] == ""
