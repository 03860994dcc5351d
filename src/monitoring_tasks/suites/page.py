"""The report page: one HTML file that holds its data and refers to Evidently's script, which is hosted once."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from typing import Any

from evidently.legacy.model.dashboard import DashboardInfo
from evidently.legacy.model.widget import BaseWidgetInfo
from evidently.legacy.utils import NumpyEncoder
from evidently.legacy.utils.dashboard import TemplateParams, dashboard_info_to_json, file_html_template

from monitoring_tasks.errors import ConfigurationError

DASHBOARD = "report"
_STYLE = "td { overflow-wrap: anywhere; }"  # one long column name must not push a table off the page
_NO_DATA = "<!-- no embedded data -->"


def page(widgets: Sequence[BaseWidgetInfo], *, title: str, script_href: str, style: str = "") -> str:
    """The page with `widgets` from top to bottom; `style` is CSS of its own.

    Raises `ConfigurationError` on an unknown Evidently.
    """
    info = DashboardInfo(name=title, widgets=list(widgets))
    params = TemplateParams(
        dashboard_id=DASHBOARD,
        dashboard_info=info,
        additional_graphs={},
        embed_lib=False,
        embed_data=False,
        include_js_files=[html.escape(script_href)],
    )
    text: str = file_html_template(params)
    if text.count(_NO_DATA) != 1 or text.count("</head>") != 1:
        raise ConfigurationError("Evidently's page template is not the known one: install evidently>=0.7.23,<0.8")
    data = f"<script>\nvar {DASHBOARD} = {_script_json(dashboard_info_to_json(info))};\n"
    graphs = f"var additional_graphs_{DASHBOARD} = {_script_json(_graphs(widgets))};\n</script>"
    head = f"<title>{html.escape(title)}</title><style>{_STYLE}{style}</style></head>"
    return text.replace(_NO_DATA, data + graphs).replace("</head>", head)


def _graphs(widgets: Sequence[BaseWidgetInfo]) -> str:
    graphs: dict[str, Any] = {graph.id: graph.dict() for widget in widgets for graph in widget.get_additional_graphs()}
    return json.dumps(graphs, cls=NumpyEncoder)


def _script_json(text: str) -> str:
    """JSON that may stand in a script: Evidently's own template lets a column called `</script>` end it."""
    return text.replace("<", "\\u003c")
