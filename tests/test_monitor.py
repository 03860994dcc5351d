"""A monitor's configuration: defaults, refusals, and errors that name line and key."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.methods import EVIDENTLY, METHODS, allowed_methods, method
from monitoring_tasks.monitor import Monitor, alerts_schema, column_limits, json_schema
from monitoring_tasks.monitor_file import find_monitor, load_monitor, load_monitors, monitor_files
from monitoring_tasks.sections import ChampionReference

ROOT = Path(__file__).parents[1]
TEN_LINES = """\
name: churn
owner: growth
task: binary
source: {kind: parquet, path: data/predictions}
reference: {kind: file, path: reference.parquet}
timestamp: predicted_at
prediction: score
id: customer
label: churned
schedule: "@hourly"
"""


def write(folder: Path, text: str, name: str = "churn.yaml") -> Path:
    """A YAML file in `folder`."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_ten_lines_are_enough(tmp_path: Path) -> None:
    """A monitor of ten lines loads, with defaults for all the rest."""
    monitor = load_monitor(write(tmp_path, TEN_LINES))
    assert len(TEN_LINES.splitlines()) == 10
    assert monitor.minimum_rows == 500
    assert monitor.quality.missing == 0.05
    assert column_limits(monitor, "age", "numeric").method == "psi"
    assert column_limits(monitor, "age", "numeric").threshold == 0.2
    assert column_limits(monitor, "age", "numeric").severe == 0.25


def test_the_readmes_monitor_loads(tmp_path: Path) -> None:
    """The example that people copy is valid, and as short as it says."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    monitor = load_monitor(write(tmp_path, text))
    assert monitor.source.kind == "parquet"
    assert len([line for line in text.splitlines() if not line.startswith("#")]) == 10


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    """A relative path means the same wherever the command runs; URIs and absolute paths stay."""
    monitor = load_monitor(write(tmp_path, TEN_LINES))
    assert monitor.locate("data/predictions") == str(tmp_path / "data/predictions")
    assert monitor.locate("s3://bucket/key") == "s3://bucket/key"
    assert monitor.locate("/srv/data") == "/srv/data"
    assert monitor.locate("git@git.example.org:ml/churn.git") == "git@git.example.org:ml/churn.git"
    assert monitor.locate("day=2013-03-01T06:00/x") == str(tmp_path / "day=2013-03-01T06:00/x")


@pytest.mark.parametrize(
    ("more", "line", "said"),
    [
        ("windw: 7d\n", 11, "windw: found '7d': unknown key"),
        ("window: 7 days\n", 11, "window: found '7 days': '7 days' is not a length of time"),
        ("minimum_rows: 0\n", 11, "minimum_rows: found 0: Input should be greater than or equal to 1"),
        ("minimum_rows: many\n", 11, "minimum_rows: found 'many': Input should be a valid integer"),
        ("drift:\n  numeric:\n    method: kss\n", 13, "drift.numeric.method: found 'kss': 'kss' is not a drift method"),
        ("drift: {share: .nan}\n", 11, "drift.share: found nan"),
        ("features:\n  age: number\n", 12, "features.age: found 'number': Input should be 'numeric' or 'categorical'"),
        ("features:\n  age: {range: [5, 1]}\n", 12, "range [5.0, 1.0] is empty"),
        ("features:\n  age: {kind: categorical, method: ks}\n", 12, "method ks does not fit a categorical column"),
        ("features:\n  '*': numeric\n", 1, "feature '*' stands for every other column"),
        ("features: {score: numeric}\n", 1, "column 'score' has two roles"),
        ("policy: {persistence: {windows: 4, of: 3}}\n", 11, "4 of 3 windows can never be reached"),
        ("policy: {severities: {drift: low}}\n", 11, "policy.severities.drift: found 'drift': Input should be 'column"),
        (
            "policy:\n  severities:\n    missing values: none\n",
            13,
            "missing values: found 'none': Input should be 'low'",
        ),
        ("alerts:\n  slack: {channel: x}\n", 12, "alerts.slack: found {'channel': 'x'}: unknown key"),
        ("alerts: {remind: soon}\n", 11, "alerts.remind: found 'soon': 'soon' is not a length of time"),
        ("alerts:\n  routes:\n    - {to: ml, least: urgent}\n", 13, "least: found 'urgent': Input should be 'low'"),
        ("alerts:\n  routes:\n    - {to: ml}\n", 11, "routes: there is no channel 'ml': channels has none"),
        ("alerts:\n  downtime:\n    - {start: soon, end: 2013-01-01, reason: x}\n", 13, "'soon' is not a moment"),
        ("start: soon\n", 11, "start: found 'soon'"),
        ("start: 2013-13-01\n", 11, "not valid YAML: found '2013-13-01': month must be in 1..12"),
        ("features:\n  age: {threshold: !!float high}\n", 12, "not valid YAML: found 'high'"),
        ("owner: twice\n", 11, "not valid YAML: found duplicate key"),
        ("x: [1\n", 12, "not valid YAML"),
        ("performance: {metrics: {auc: {}}}\n", 11, "metrics: auc has no limit, so that nothing decides"),
        ("performance:\n", 11, "performance: found nothing: write `performance: {}`, or remove the key"),
        ("start: 2013-01-01\nretraining: ~\n", 12, "retraining: found nothing"),
        ("incidents:\n  - {start: soon, end: 2013-01-01, reason: x}\n", 12, "'soon' is not a moment"),
        ("incidents: [{start: 2013-01-02, end: 2013-01-01T06:00:00, reason: x}]\n", 11, "must end after it starts"),
        ("incidents: [{start: 2013-01-01, end: 2013-01-01T06:00:00.5, reason: x}]\n", 11, "whole seconds"),
        ("features: [plan, age]\n", 11, "features: found ['plan', 'age']: write keys with values under it"),
        ("labels: lake/labels\n", 11, "labels: found 'lake/labels': write keys with values under it"),
        ("segments: [[plan, plan]]\n", 11, "a pair names two columns"),
        ("segments: [[plan, age], [age, plan]]\n", 11, "declared twice: age and plan"),
        ("segments: [predicted_at]\n", 1, "segments: column 'predicted_at' is the timestamp"),
    ],
)
def test_a_mistake_names_file_line_key_and_value(tmp_path: Path, more: str, line: int, said: str) -> None:
    """Each mistake says where it is, what was found and what is allowed."""
    path = write(tmp_path, TEN_LINES + more)
    with pytest.raises(ConfigurationError) as caught:
        load_monitor(path)
    assert f"{path}:{line}: " in str(caught.value)
    assert said in str(caught.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Someone who made three mistakes edits once."""
    path = write(tmp_path, TEN_LINES + "windw: 7d\nminimum_rows: 0\nstart: soon\n")
    with pytest.raises(ConfigurationError) as caught:
        load_monitor(path)
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize("missing", ["owner", "task", "source", "reference", "timestamp", "prediction"])
def test_required_keys(tmp_path: Path, missing: str) -> None:
    """Leaving out a required key names it."""
    lines = [line for line in TEN_LINES.splitlines() if not line.startswith(missing)]
    with pytest.raises(ConfigurationError, match=f"{missing}: missing: this key is required"):
        load_monitor(write(tmp_path, "\n".join(lines)))


@pytest.mark.parametrize("name", ["Churn", "churn model", "../churn", "1churn", "x" * 64, "churn;drop"])
def test_hostile_names_are_refused(tmp_path: Path, name: str) -> None:
    """A name becomes a DAG id, a folder and a tag, so it is plain."""
    with pytest.raises(ConfigurationError, match="name"):
        load_monitor(write(tmp_path, TEN_LINES.replace("churn", name, 1)))


def test_name_and_file_must_agree(tmp_path: Path) -> None:
    """Two files cannot claim one name, because the file carries the name."""
    with pytest.raises(ConfigurationError, match=r"write 'other', or name the file churn\.yaml"):
        load_monitor(write(tmp_path, TEN_LINES, "other.yaml"))


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text\n", "\x00"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    """An empty file, a list, a text and a binary file each end in a clear error."""
    with pytest.raises(ConfigurationError, match=r"churn\.yaml:1: "):
        load_monitor(write(tmp_path, text))


@pytest.mark.parametrize(
    "source",
    ["{kind: sql, connection: db}", "{kind: sql, connection: db, table: t, query: select 1}", "{kind: csv, path: x}"],
)
def test_bad_sources_are_refused(tmp_path: Path, source: str) -> None:
    """A SQL source has exactly one of table and query, and no other kind exists."""
    text = TEN_LINES.replace("{kind: parquet, path: data/predictions}", source)
    with pytest.raises(ConfigurationError, match=":4: source"):
        load_monitor(write(tmp_path, text))


def test_repository_cannot_be_an_option(tmp_path: Path) -> None:
    """A repository that starts with a dash would be read by git as an option."""
    text = TEN_LINES.replace("{kind: file, path: reference.parquet}", "{kind: champion, repository: --upload-pack=x}")
    with pytest.raises(ConfigurationError, match="reference"):
        load_monitor(write(tmp_path, text))


@pytest.mark.parametrize(
    "repository",
    [
        "https://t0ken@git.example/ml/churn.git",
        "https://user:t0ken@git.example/ml/churn.git",
        "HTTP://t0ken@git.example/churn.git",
        "ssh://git:t0ken@git.example/ml/churn.git",
        "git::https://t0ken@git.example/ml/churn.git",
        "https://user:t0ken@git.example/with space.git",
        f"https://user:{50 * 'x'}t0ken@git.example/ml/churn.git",
        f"https://user:t0ken{50 * 'x'}@git.example/ml/churn.git",
    ],
)
@pytest.mark.parametrize("kind", ["champion", "chmpion"])
def test_credentials_in_a_repository_are_refused_unseen(tmp_path: Path, repository: str, kind: str) -> None:
    """A token in the URL is a mistake that is told without the token, in the error, its causes and their traceback."""
    path = write(tmp_path, with_repository(repository, kind=kind))
    with pytest.raises(ConfigurationError) as caught:
        load_monitor(path)
    shown = "".join(traceback.format_exception(caught.value))
    assert f"{path}:5: reference" in shown
    assert "t0ken" not in shown
    if kind == "champion" and " " not in repository:
        assert "the URL holds a user name, token or password: write it without" in shown


@pytest.mark.parametrize(
    "repository",
    [
        "https://git.example/ml/churn.git",
        "ssh://git@git.example/ml/churn.git",
        "git+ssh://git@git.example:2222/ml/churn.git",
        "git@git.example:ml/churn.git",
        "https://git.example/ml/@scope/churn.git",
        "../models/churn.git",
        "/srv/git/churn.git",
    ],
)
def test_repositories_without_credentials(tmp_path: Path, repository: str) -> None:
    """The account of an SSH URL opens no door by itself."""
    monitor = load_monitor(write(tmp_path, with_repository(repository)))
    assert isinstance(monitor.reference, ChampionReference)
    assert monitor.reference.repository == repository


def with_repository(repository: str, *, kind: str = "champion") -> str:
    """The monitor with a champion of this repository."""
    reference = json.dumps({"kind": kind, "repository": repository})
    return TEN_LINES.replace("{kind: file, path: reference.parquet}", reference)


def test_an_end_comes_after_the_start(tmp_path: Path) -> None:
    """A monitor without a day between is refused; one with an end judges by the same rules as without."""
    path = write(tmp_path, TEN_LINES + "start: 2013-03-01\nend: 2013-03-01\n")
    with pytest.raises(ConfigurationError, match="end 2013-03-01 is not after start 2013-03-01"):
        load_monitor(path)
    endless = load_monitor(write(tmp_path, TEN_LINES + "start: 2013-03-01\n"))
    ended = load_monitor(write(tmp_path, TEN_LINES + "start: 2013-03-01\nend: 2013-03-02\n"))
    assert (ended.config_hash, ended.performance_hash) == (endless.config_hash, endless.performance_hash)


def test_config_hash_covers_meaning_only(tmp_path: Path) -> None:
    """Owner, texts, alert routes and comments leave results valid; a threshold does not."""
    base = load_monitor(write(tmp_path, TEN_LINES))
    same = TEN_LINES.replace("growth", "sales") + "# a comment\ndescription: x\nalerts: {channels: {ml: {to: '#x'}}}\n"
    assert load_monitor(write(tmp_path, same)).config_hash == base.config_hash
    for more in ("drift: {numeric: {threshold: 0.3}}\n", "policy: {severities: {missing values: high}}\n"):
        assert load_monitor(write(tmp_path, TEN_LINES + more)).config_hash != base.config_hash


def test_limits_of_a_column(tmp_path: Path) -> None:
    """A column's own limits win; a method of its own brings its own defaults; a raised threshold lifts severe."""
    text = """features:
  a: {kind: numeric, threshold: 0.4}
  b: {kind: numeric, method: ks}
  c: {method: "evidently:anderson"}
drift: {numeric: {method: wasserstein, threshold: 0.3}}
"""
    monitor = load_monitor(write(tmp_path, TEN_LINES + text))
    a, b, c = (column_limits(monitor, name, "numeric") for name in "abc")
    assert (a.method, a.threshold, a.severe) == ("wasserstein", 0.4, 0.8)
    assert (b.method, b.threshold, b.severe) == ("ks", 0.1, 0.2)
    assert (c.method, c.threshold, c.row.p_value) == ("evidently:anderson", 0.05, True)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("task: multiclass\ndrift: {prediction: {method: ks}}\n", "method ks does not fit column 'score'"),
        ("features: {a: {kind: numeric, threshold: 0.5, severe: 0.1}}\n", "severe at 0.1 before it drifts at 0.5"),
        ("features: {a: {kind: numeric, method: ks_p_value, severe: 0.5}}\n", "severe at 0.5 before it drifts at 0.05"),
    ],
)
def test_limits_that_contradict_are_refused(tmp_path: Path, more: str, said: str) -> None:
    """A method for the other kind, or a severe limit that comes before the threshold, is a mistake in the YAML."""
    text = TEN_LINES.replace("task: binary\n", "") if "task:" in more else TEN_LINES
    with pytest.raises(ConfigurationError, match=said):
        load_monitor(write(tmp_path, text + more))


def test_an_inferred_kind_must_fit_too(tmp_path: Path) -> None:
    """A method is held against the kind that the reference shows; it is never replaced in silence."""
    monitor = load_monitor(write(tmp_path, TEN_LINES + "features: {plan: {method: wasserstein, threshold: 5.0}}\n"))
    with pytest.raises(ConfigurationError, match="method wasserstein does not fit column 'plan', which is categorical"):
        column_limits(monitor, "plan", "categorical")


def test_a_raised_threshold_takes_its_severe_along(tmp_path: Path) -> None:
    """A column's own threshold is not paired with the severe limit of another."""
    text = "drift: {numeric: {threshold: 0.2, severe: 0.25}}\nfeatures: {a: {kind: numeric, threshold: 1.0}}\n"
    assert column_limits(load_monitor(write(tmp_path, TEN_LINES + text)), "a", "numeric").severe == 1.25


def test_unknown_is_breached() -> None:
    """NaN passes no method's limit, whichever way is worse."""
    assert all(row.breached(float("nan"), row.threshold) for row in METHODS.values())


def test_method_names_resolve() -> None:
    """Every allowed name has a row; Evidently's carry its prefix."""
    assert all(method(name).threshold > 0 for name in allowed_methods())
    assert any(name.startswith(EVIDENTLY) for name in allowed_methods("categorical"))
    with pytest.raises(ValueError, match="use one of psi"):
        method("evidently:nope")


def test_folder_of_monitors(tmp_path: Path) -> None:
    """Monitors are found by name; hidden files, folders and other suffixes are not monitors."""
    write(tmp_path, TEN_LINES)
    write(tmp_path, "x", ".hidden.yaml")
    write(tmp_path, "x", "notes.txt")
    (tmp_path / "examples").mkdir()
    assert [path.name for path in monitor_files(tmp_path)] == ["churn.yaml"]
    monitors, mistakes = load_monitors(tmp_path)
    assert ([monitor.name for monitor in monitors], mistakes) == (["churn"], [])
    with pytest.raises(ConfigurationError, match=r"no monitor 'fraud' in .*: there are churn"):
        find_monitor(tmp_path, "fraud")
    with pytest.raises(ConfigurationError, match="is not a folder of monitors"):
        monitor_files(tmp_path / "absent")


def test_a_broken_file_hides_no_monitor(tmp_path: Path) -> None:
    """The sound monitors of a folder load, and every mistake of the others is told."""
    write(tmp_path, TEN_LINES)
    write(tmp_path, TEN_LINES.replace("churn", "fraud", 1) + "windw: 7d\nstart: soon\n", "fraud.yaml")
    monitors, mistakes = load_monitors(tmp_path)
    assert [monitor.name for monitor in monitors] == ["churn"]
    assert sorted(mistake.split(": ")[0] for mistake in mistakes) == [
        f"{tmp_path}/fraud.yaml:{line}" for line in (11, 12)
    ]


def test_twins_are_refused(tmp_path: Path) -> None:
    """Of churn.yml and churn.yaml neither loads, the error names both, and other monitors are not concerned."""
    for name in ("churn.yml", "churn.yaml"):
        write(tmp_path, TEN_LINES, name)
    write(tmp_path, TEN_LINES.replace("churn", "fraud", 1), "fraud.yaml")
    assert len(monitor_files(tmp_path)) == 3
    with pytest.raises(ConfigurationError, match=r"churn\.yml:1: .*churn\.yaml is there as well: keep one"):
        find_monitor(tmp_path, "churn")
    assert [monitor.name for monitor in load_monitors(tmp_path)[0]] == ["fraud"]


def test_methods_on_rows_need_the_training_baseline(tmp_path: Path) -> None:
    """Evidently's own methods look at sampled rows, of which only the training reference has some."""
    column = "features:\n  age: {kind: numeric, method: evidently:anderson, baseline: %s}\n"
    with pytest.raises(
        ConfigurationError, match="the baseline trailing, and evidently:anderson compares with the train"
    ):
        load_monitor(write(tmp_path, TEN_LINES + column % "trailing"))
    assert load_monitor(write(tmp_path, TEN_LINES + column % "training")).features["age"].method


@pytest.mark.parametrize(("name", "schema"), [("monitor", json_schema), ("alerts", alerts_schema)])
def test_checked_in_schema_is_current(name: str, schema: Callable[[], Mapping[str, Any]]) -> None:
    """The schemas that editors use are the ones the code means."""
    stored = json.loads((ROOT / f"include/{name}.schema.json").read_text(encoding="utf-8"))
    assert stored == json.loads(json.dumps(schema()))


def test_schema_and_loader_agree(tmp_path: Path) -> None:
    """The JSON Schema accepts what loads, shorthand included, and refuses what editors should underline."""
    text = TEN_LINES + "features: {a: numeric, b: {kind: categorical, threshold: 0.3}, c: null}\nwindow: 7d\n"
    document = YAML(typ="safe", pure=True).load(text)
    load_monitor(write(tmp_path, text))
    jsonschema.validate(document, json_schema())
    for broken in ({"windw": 1}, {"window": "7 days"}, {"features": {"a": "number"}}, {"task": "ranking"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**document, **broken}, json_schema())


@pytest.mark.parametrize("path", sorted((ROOT / "include/monitors").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_monitors_load(path: Path) -> None:
    """Every monitor that ships is valid."""
    assert isinstance(load_monitor(path), Monitor)
