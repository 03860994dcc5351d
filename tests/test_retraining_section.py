"""What the sections `labels` and `retraining` of a monitor's YAML may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor

ROOT = Path(__file__).parents[1]
MONITOR = """\
name: churn
owner: growth
task: binary
source: {path: predictions}
reference: {kind: champion, repository: /srv/churn.git}
timestamp: at
prediction: score
id: id
label: churned
"""
BOTH = "score must hold {input} and {output}"


def load(folder: Path, text: str) -> Monitor:
    """The monitor that a YAML text describes."""
    path = folder / "churn.yaml"
    path.write_text(text)
    return load_monitor(path)


def test_an_empty_section_is_enough(tmp_path: Path) -> None:
    """With defaults a person decides, and nothing happens within a week of the last training."""
    section = load(tmp_path, MONITOR + "retraining: {}\n").retraining
    assert section is not None
    assert (section.approval.mode, section.cooldown.days, section.budget.trainings) == ("manual", 7, 4)
    assert section.pipeline.score == ("python", "src/score.py", "{input}", "{output}")


def test_without_the_section_there_is_no_retraining(tmp_path: Path) -> None:
    """A monitor that says nothing is only watched."""
    assert load(tmp_path, MONITOR).retraining is None


def test_how_a_model_is_retrained_changes_no_verdict(tmp_path: Path) -> None:
    """The hash of what shapes a verdict leaves labels and retraining out: old verdicts stay comparable."""
    bare = load(tmp_path, MONITOR)
    full = load(tmp_path, MONITOR + "labels: {source: {path: labels}}\nretraining: {cooldown: 1d}\n")
    assert bare.config_hash == full.config_hash


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{kind: champion, repository: /srv/churn.git}", "{path: r.parquet}", "retraining needs reference of kind"),
        ("id: id\n", "", "retraining needs id"),
        ("label: churned\n", "", "retraining needs label or labels"),
        ("retraining: {}", "retraining: {gate: {metric: mae}}", "gate.metric mae does not fit a binary model"),
        (
            "retraining: {}",
            "retraining: {gate: {guardrails: [mae]}}",
            "gate.guardrails mae does not fit a binary model",
        ),
        (
            "retraining: {}",
            "retraining: {gate: {guardrails: [auc]}}",
            "gate.guardrails: auc is named twice, or decides",
        ),
        ("retraining: {}", "retraining: {gate: {guardrails: [brier, brier]}}", "brier is named twice, or decides"),
        ("retraining: {}", "retraining: {gate: {guardrails: brier}}", "retraining.gate.guardrails"),
        (
            "retraining: {}",
            "derived: {hour: {kind: hour_of_day, of: at}}\nretraining: {gate: {segments: [plan, hour]}}",
            "retraining.gate.segments names 'hour', which is derived",
        ),
        ("retraining: {}", "retraining: {gate: {alert_rate: 0.6}}", "retraining.gate.alert_rate"),
        (
            "retraining: {}",
            "retraining: {pipeline: {score: [python, score.py]}}",
            BOTH,
        ),
        (
            "retraining: {}",
            'retraining: {pipeline: {score: ["{input}", "{input}", "{output}"]}}',
            BOTH,
        ),
        ("retraining: {}", "retraining: {pipeline: {score: python score.py}}", "score"),
        (
            "retraining: {}",
            "retraining: {pipeline: {environment: [AIRFLOW_CONN_X]}}",
            "AIRFLOW_CONN_X is Airflow's own",
        ),
        ("retraining: {}", "retraining: {pipeline: {environment: [_AIRFLOW__X]}}", "is Airflow's own"),
        ("retraining: {}", "retraining: {pipeline: {model: ../model}}", "pipeline.model: found '../model'"),
        ("retraining: {}", "retraining: {pipeline: {model: -model}}", "pipeline.model: found '-model'"),
        ("retraining: {}", "retraining: {pipeline: {branch: --force}}", "pipeline.branch: found '--force'"),
        ("retraining: {}", "retraining: {pipeline: {parameters: {start: data.end}}}", "are the same key"),
        ("retraining: {}", "retraining: {pipeline: {parameters: {end: 'a b'}}}", "parameters.end"),
        ("retraining: {}", "retraining: {approval: {mode: always}}", "approval.mode: found 'always'"),
        ("retraining: {}", "retraining: {gate: {confidence: 0.5}}", "gate.confidence: found 0.5"),
        ("retraining: {}", "retraining: {gate: {floor: .nan}}", "gate.floor"),
        ("retraining: {}", "retraining: {gate: {floor: .inf}}", "gate.floor"),
        ("retraining: {}", "retraining: {cooldwn: 1d}", "retraining.cooldwn"),
        ("retraining: {}", "retraining: {schedule: sometimes}", "retraining.schedule: found 'sometimes'"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Each is refused with its key and what is allowed."""
    text = MONITOR + "retraining: {}\n"
    assert old in text
    with pytest.raises(ConfigurationError) as refused:
        load(tmp_path, text.replace(old, new))
    assert said in str(refused.value)


def test_the_example_of_the_docs_loads(tmp_path: Path) -> None:
    """The example that people copy is valid beside the first one."""
    text = (ROOT / "docs" / "add-a-model.md").read_text(encoding="utf-8")
    blocks = [block.split("```")[0] for block in text.split("```yaml\n")]
    first, second = (next(block for block in blocks if key in block) for key in ("\nname:", "\nretraining:"))
    section = load(tmp_path, first + second).retraining
    assert section is not None
    assert section.approval.users == ("ada", "grace")
