"""The part of a report about derived columns: what each is computed from."""

from __future__ import annotations

from collections.abc import Mapping

from evidently.legacy.model.widget import BaseWidgetInfo
from evidently.legacy.renderers.html_widgets import table_data

from monitoring_tasks.derived_section import Derived
from monitoring_tasks.suites.widgets import named


def derived_widgets(derived: Mapping[str, Derived]) -> list[BaseWidgetInfo]:
    """A table of all of them, in the order of the YAML; nothing where there are none."""
    if not derived:
        return []
    rows = [[name, each.words] for name, each in derived.items()]
    return [named(table_data(title="Derived columns", column_names=["Column", "Computed as"], data=rows), "derived")]
