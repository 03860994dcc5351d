"""What people may do from the pages: about incidents, and with a model. Each is a POST from a page of this Airflow."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from monitoring_tasks.orchestration.links import answer_path
from monitoring_tasks.store.database import Store
from monitoring_tasks.ui.access import MONITOR, RETRAIN, Fleet, may_run


def actions_for(fleet: Fleet, name: str, user: Any, store: Store) -> dict[str, Any]:
    """What a person may do with a model, as its page shows it (`model_actions.html`).

    `retrain` and `rollback` are paths of the pages that ask for it, below the pages' own; empty where the person may
    not, or the model has no retraining. `awaiting` are paths below Airflow's address on which somebody answers a
    retraining, and `under_way` says which retraining there is, None where there is none.
    """
    dag_id = f"{RETRAIN}{name}"
    if not fleet.has(RETRAIN, name):
        return {"retrain": "", "rollback": "", "awaiting": [], "under_way": None}
    may, page = may_run(dag_id, user), f"/model/{quote(MONITOR + name, safe='')}"
    records = [each for each in store.retrainings(name) if each.open]
    return {
        "retrain": f"{page}/retrain" if may else "",
        "rollback": f"{page}/rollback" if may else "",
        "awaiting": [answer_path(dag_id, each.run, "ask") for each in records if each.state == "awaiting"],
        "under_way": next(iter(records), None),
    }
