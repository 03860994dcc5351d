"""Every piece of YAML in the documentation is one that a file may hold."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from monitoring_tasks.alerts_section import Alerts
from monitoring_tasks.monitor import Monitor, json_schema
from tests.docs.pages import Block, of_language

BLOCKS = of_language("yaml")
LEAST: dict[str, Any] = {
    "name": "churn",
    "owner": "growth",
    "task": "binary",
    "source": {"path": "predictions"},
    "reference": {"kind": "champion", "repository": "https://git.example.org/ml/churn.git"},
    "timestamp": "predicted_at",
    "prediction": "score",
    "id": "prediction_id",
    "label": "churned",
}
"""What a piece of a monitor's file is added to."""
OTHERS = ("stages", "services", "scrape_configs", "route", "groups")
"""Keys of files that are not ours: DVC's, Compose's, Prometheus's."""


def parsed(block: Block) -> dict[str, Any]:
    """A block as plain values."""
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(block.text)
    return found


@pytest.mark.parametrize("block", BLOCKS, ids=map(str, BLOCKS))
def test_a_block_is_valid(block: Block) -> None:
    """As a monitor, as a part of one, or as the file of alerts; and the schema that editors read says so as well."""
    found = parsed(block)
    if set(found) <= set(Alerts.model_fields):
        Alerts.model_validate(found)
        jsonschema.validate({**LEAST, "alerts": plain(found)}, json_schema())
    elif not set(found) & set(OTHERS):
        Monitor.model_validate({**LEAST, **found})
        jsonschema.validate(plain({**LEAST, **found}), json_schema())


def plain(value: Any) -> Any:
    """Days and moments as the texts that they are written as."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def test_there_are_blocks_to_check() -> None:
    """A page whose fences were renamed would be checked by nobody."""
    assert len(BLOCKS) >= 8
