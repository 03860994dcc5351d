"""The runbook and the pages for operators name everything that may happen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

import monitoring_tasks.errors as errors
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.retraining.gate.verdict import Decision
from monitoring_tasks.store.records import RETRAINING_STATES
from tests.docs.pages import ROOT, anchors, text_of

RUNBOOK = ROOT / "docs" / "runbook.md"
SOURCE = ROOT / "src" / "monitoring_tasks"
EXPECTED = [
    *(f"verdict-{outcome.value}" for outcome in Outcome),
    *(f"incident-{cause.value}" for cause in Cause),
    *(f"gate-{decision}" for decision in get_args(Decision)),
    *(f"retraining-{state}" for state in RETRAINING_STATES),
]


@pytest.mark.parametrize("name", EXPECTED)
def test_everything_that_may_happen_has_its_heading(name: str) -> None:
    """A person who is paged finds the word of the page, at an address that does not change."""
    assert name in anchors(RUNBOOK)


@pytest.mark.parametrize("name", [name for name in EXPECTED if name.startswith(("verdict", "incident", "gate"))])
def test_each_says_what_it_means_and_what_to_do(name: str) -> None:
    """In the same four parts, so that one is found half asleep."""
    heading = name.replace("-", ": ", 1).capitalize()
    section = text_of(RUNBOOK).split(f"\n### {heading}\n")[1].split("\n#")[0]
    assert re.findall(r"^- \*\*(\w[\w ]*):\*\*", section, re.MULTILINE) == ["Means", "Look at", "Do", "Escalate"]


def test_every_class_of_error_that_ends_a_task_is_there() -> None:
    """But for the two that only others are of."""
    classes = {
        name for name, each in vars(errors).items() if isinstance(each, type) and each.__module__ == errors.__name__
    }
    table = text_of(RUNBOOK).split("## Failed tasks")[1]
    told = dict(re.findall(r"^\| `(\w+)`( \*again\*)? \|", table, re.MULTILINE))
    assert set(told) == classes - {"MonitoringError", "Unavailable"}
    assert {name for name, again in told.items() if again} == {name for name in told if getattr(errors, name).retryable}


def test_every_reason_for_a_refusal_is_there() -> None:
    """What `admit` says, the runbook explains."""
    paths = (SOURCE / "retraining" / "admission.py", SOURCE / "admission_steps.py")
    code = "\n".join(map(Path.read_text, paths))
    given = set(re.findall(r"(?:Admission\(False, |_refused\(\s*|return )\"(\w+)\",", code))
    table = text_of(RUNBOOK).split("### Retraining: refused")[1].split("###")[0]
    assert given
    assert given <= set(re.findall(r"`(\w+)`", table))


def test_every_variable_of_the_environment_is_told() -> None:
    """Operations has them in one table."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py"))
    used = set(re.findall(r"MONITORING_[A-Z]+(?:_[A-Z]+)*", code))
    assert used - set(re.findall(r"MONITORING_[A-Z_]+", text_of(ROOT / "docs" / "operations.md"))) == set()


def test_every_dag_is_told() -> None:
    """With what happens while it is off."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in (SOURCE / "orchestration").glob("*_dag.py"))
    ids = set(re.findall(r"^DAG_ID = \"(\w+)\"", code, re.MULTILINE))
    table = text_of(ROOT / "docs" / "operations.md").split("## DAGs")[1].split("\n## ")[0]
    assert ids
    assert {f"`{dag_id}`" for dag_id in ids} <= set(re.findall(r"`\w+`", table))


def test_the_file_that_people_copy_is_the_one_that_is_there() -> None:
    """The tutorial shows `dags/monitor.py` without its head."""
    code = text_of(ROOT / "docs" / "add-a-model.md").split("```python\n")[1].split("```")[0]
    assert text_of(ROOT / "dags" / "monitor.py").endswith(code)


def test_every_alert_of_prometheus_is_told() -> None:
    """Those of the rules, each once."""
    rules = re.findall(r"^\s*- alert: (\w+)$", text_of(ROOT / "include" / "prometheus" / "rules.yml"), re.MULTILINE)
    section = text_of(RUNBOOK).split("\n## Alerts of Prometheus\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert rules
    assert sorted(re.findall(r"`(\w+)`", " ".join(cells))) == sorted(rules)
