"""Evidently snapshots as texts: what stores keep, and what Evidently loads again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from evidently.core.report import Snapshot
from evidently.legacy.model.widget import BaseWidgetInfo
from evidently.legacy.utils import NumpyEncoder

from monitoring_tasks.suites.widgets import named_all


def dumps(snapshot: Snapshot, widgets: Sequence[BaseWidgetInfo]) -> str:
    """The snapshot as `Snapshot.dumps` writes it, with its widgets, without random ids, and as strict JSON."""
    model = snapshot.to_snapshot_model()
    model.widgets = list(widgets)
    named_all(model.tests_widgets, "tests")
    return json.dumps(_strict(model.dict()), cls=NumpyEncoder, allow_nan=False)


def _strict(value: Any) -> Any:
    """The value with NaN and infinities as texts, which Evidently reads back as the numbers they were."""
    if isinstance(value, Mapping):
        return {key: _strict(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
