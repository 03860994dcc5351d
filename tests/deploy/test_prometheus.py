"""The files of Prometheus, Alertmanager and Grafana: by their own tools, and against the metrics that there are."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from monitoring_tasks.metrics.families import FAMILIES
from tests.deploy.tools import tool

ROOT = Path(__file__).parents[2]
PROMETHEUS, GRAFANA = ROOT / "include" / "prometheus", ROOT / "include" / "grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
SECRETS = ("scrape_token", "webhook_token", "slack_webhook_url", "pagerduty_routing_key")
LABELS = {family.name: set(family.labels) | {"job", "instance"} for family in FAMILIES}
METRIC = re.compile(r"\b(monitoring[_:][a-z_:]+)(?:\{([^}]*)\})?")
VARIABLES = {"$monitor": "churn", "$feature": ".+", "$metric": "auc", "$__interval": "5m"}


def read(path: Path) -> Any:
    """A YAML file."""
    return YAML(typ="safe", pure=True).load(path.read_text())


def checked(*command: str | Path, given: str | None = None) -> str:
    """What a tool says of files that it finds no fault with."""
    program = [tool(str(command[0])), *map(str, command[1:])]
    done = subprocess.run(program, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules() -> list[dict[str, Any]]:
    """All rules, in their order."""
    return [rule for group in read(PROMETHEUS / "rules.yml")["groups"] for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}
RECORDS = {rule["record"] for rule in rules() if "record" in rule}


def known(expression: str) -> Iterator[str]:
    """Names of the metrics of an expression; what is no metric, and a label that a metric has not, is an error."""
    for name, matchers in METRIC.findall(expression):
        assert name in LABELS or name in RECORDS, f"{name} is no metric"
        asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', '""', matchers)))
        assert asked <= LABELS.get(name, {"monitor"}), f"{name} has no label {asked - LABELS.get(name, {'monitor'})}"
        yield name


def test_the_configuration_is_prometheus_own(tmp_path: Path) -> None:
    """With the files of its secrets in their place, promtool finds no fault."""
    for name in ("prometheus.yml", "rules.yml"):
        text = (PROMETHEUS / name).read_text().replace("/run/secrets", str(tmp_path))
        (tmp_path / name).write_text(text)
    for name in SECRETS:
        (tmp_path / name).write_text("0123456789abcdef")
    assert "SUCCESS" in checked("promtool", "check", "config", "--lint-fatal", tmp_path / "prometheus.yml")


def test_the_rules_do_what_their_tests_say() -> None:
    """Every expectation of rules_test.yml holds."""
    assert "SUCCESS" in checked("promtool", "test", "rules", PROMETHEUS / "rules_test.yml")


def test_every_alert_is_tested() -> None:
    """Each alert fires in a test, and those that ask for a retraining are kept from it in another."""
    cases = [case for test in read(PROMETHEUS / "rules_test.yml")["tests"] for case in test.get("alert_rule_test", [])]
    fired = {case["alertname"] for case in cases if case["exp_alerts"]}
    silent = {case["alertname"] for case in cases if not case["exp_alerts"]}
    assert fired == set(ALERTS)
    asking = {name for name, rule in ALERTS.items() if rule["labels"].get("action") == "retrain"}
    assert asking == {"SevereFeatureDriftPersists", "SeverePredictionDriftPersists", "PerformanceDrop"}
    assert asking <= silent


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_rules_ask_for_metrics_that_there_are(rule: dict[str, Any]) -> None:
    """Names and labels are those of the families; every alert says how severe it is, and what it means."""
    list(known(rule["expr"]))
    if "alert" in rule:
        assert rule["labels"]["severity"] in ("none", "low", "medium", "high", "critical")
        assert rule["annotations"]["summary"]


def test_every_alert_leads_on() -> None:
    """To the page of its model, or of all, and to a heading that the runbook has; both addresses are set once."""
    headings = re.findall(r"(?m)^#+ (.+)$", (ROOT / "docs" / "runbook.md").read_text())
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    named = read(PROMETHEUS / "prometheus.yml")["global"]["external_labels"]
    for rule in ALERTS.values():
        page, runbook = (rule["annotations"][name] for name in ("dashboard_url", "runbook_url"))
        assert re.fullmatch(r"\{\{ \$externalLabels\.(\w+) \}\}/monitoring/.*", page)[1] in named  # type: ignore[index]
        assert runbook.startswith("{{ $externalLabels.runbook }}#")
        assert runbook.rpartition("#")[2] in anchors


def test_a_fault_keeps_every_request_back() -> None:
    """No alert asks for a retraining of a monitor whose newest window has a fault, in its rule or by inhibition."""
    for rule in ALERTS.values():
        if rule["labels"].get("action") == "retrain":
            assert "unless on (monitor) monitoring_columns_faulty > 0" in " ".join(rule["expr"].split())
    inhibiting = read(PROMETHEUS / "alertmanager.yml")["inhibit_rules"][0]
    named = re.findall(r"\w+", inhibiting["source_matchers"][0].split("=~")[1])
    assert set(named) <= set(ALERTS)
    assert inhibiting["target_matchers"] == ['action="retrain"']
    assert inhibiting["equal"] == ["monitor"]


def test_alertmanager_takes_its_file() -> None:
    """Amtool finds no fault, and every alert that another inhibits exists."""
    checked("amtool", "check-config", PROMETHEUS / "alertmanager.yml")
    for rule in read(PROMETHEUS / "alertmanager.yml")["inhibit_rules"][1:]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            assert matcher.split('"')[1] in ALERTS


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (["severity=high", "action=retrain"], "retraining,models"),
        (["severity=critical", "action=retrain"], "retraining,on-call,models"),
        (["severity=critical"], "on-call,models"),
        (["severity=high"], "models"),
        (["severity=medium", "team=data_engineering"], "data-engineering"),
        (["severity=low", "team=data_engineering"], "data-engineering"),
        (["severity=low"], "models"),
        (["alertname=Watchdog", "severity=none"], "watchdog"),
    ],
)
def test_who_is_told(labels: list[str], receivers: str) -> None:
    """People hear of what asks for a retraining as well; what is critical wakes somebody."""
    told = checked("amtool", "config", "routes", "test", f"--config.file={PROMETHEUS / 'alertmanager.yml'}", *labels)
    assert told.strip() == receivers


def test_secrets_are_those_of_the_compose_file() -> None:
    """Each file of a secret is one that docker-compose.yaml makes, and no secret is written down."""
    text = "".join((PROMETHEUS / name).read_text() for name in ("prometheus.yml", "alertmanager.yml"))
    assert set(re.findall(r"/run/secrets/(\w+)", text)) == set(SECRETS)
    assert set(SECRETS) <= set(read(ROOT / "docker-compose.yaml")["secrets"])
    assert not re.search(r"(credentials|routing_key|api_url|password):", text)


def panels(path: Path) -> list[dict[str, Any]]:
    """The panels of a dashboard."""
    found: list[dict[str, Any]] = json.loads(path.read_text())["panels"]
    return found


def expressions(path: Path) -> list[str]:
    """What a dashboard asks Prometheus for, with its variables filled in."""
    found = [target["expr"] for panel in panels(path) for target in panel.get("targets", [])]
    for name, value in VARIABLES.items():
        found = [expression.replace(name, value) for expression in found]
    return found


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards_ask_for_metrics_that_there_are(path: Path, tmp_path: Path) -> None:
    """Every expression is PromQL, by promtool, of names and labels of the families."""
    asked = expressions(path)
    assert len(asked) >= 15
    assert not [expression for expression in asked if "$" in expression]
    for expression in asked:
        list(known(expression))
    # Two rules of one name and labels would be a fault of their own.
    written = {"groups": [{"name": "g", "rules": [{"record": f"x:{n}", "expr": e} for n, e in enumerate(asked)]}]}
    (tmp_path / "rules.yml").write_text(json.dumps(written))
    assert f"{len(asked)} rules found" in checked("promtool", "check", "rules", tmp_path / "rules.yml")


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_legends_and_variables_name_labels(path: Path) -> None:
    """A legend names labels that one of the panel's series has; a variable lists a label of a metric that there is."""
    board = json.loads(path.read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            has = set().union(*(LABELS.get(name, {"monitor"}) for name in known(target["expr"])), {"job"})
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= has
    for variable in board["templating"]["list"]:
        asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
        assert asked is not None
        assert asked[2] in LABELS[next(known(asked[1]))]
    used = set(re.findall(r"\$([a-z]\w*)", json.dumps(board))) - {"datasource"}
    assert used <= {variable["name"] for variable in board["templating"]["list"]}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards_are_whole(path: Path) -> None:
    """Ids are unique, panels cover no other, and all read the source that is provisioned."""
    source = read(GRAFANA / "provisioning" / "datasources" / "prometheus.yml")["datasources"][0]
    provider = read(GRAFANA / "provisioning" / "dashboards" / "monitoring.yml")["providers"][0]
    assert provider["options"]["path"] == "/etc/grafana/dashboards"
    assert provider["type"] == "file"
    found, taken = panels(path), set()
    assert len({panel["id"] for panel in found}) == len(found)
    for panel in found:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": source["type"], "uid": source["uid"]}
            assert panel["fieldConfig"]["defaults"]["noValue"] == "no data"


def test_every_family_is_looked_at() -> None:
    """What is exported is shown on a dashboard or asked for by a rule; what nobody looks at need not be exported."""
    asked = [expression for path in DASHBOARDS for expression in expressions(path)]
    asked += [rule["expr"] for rule in rules()]
    looked = {name for expression in asked for name in known(expression)}
    assert set(LABELS) - looked == set()
