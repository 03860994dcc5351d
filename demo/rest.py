"""Airflow's REST API, as far as the demonstration and the end-to-end tests need it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import httpx

ENDED = frozenset({"success", "failed"})
SETTLING = timedelta(seconds=10)


class Rest:
    """A signed-in client; a context manager. Every method raises `httpx.HTTPStatusError` when Airflow refuses."""

    def __init__(self, url: str, user: str, password: str) -> None:
        answer = httpx.post(f"{url}/auth/token", json={"username": user, "password": password}, timeout=30)
        token = answer.raise_for_status().json()["access_token"]
        self.client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at `/api/v2/<path>`."""
        return self.client.get(f"/api/v2/{path}", params=query).raise_for_status().json()

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON that `/api/v2/<path>` answers."""
        return self.client.post(f"/api/v2/{path}", json=body).raise_for_status().json()

    def wait_for_dags(self, names: Sequence[str], *, patience: float = 120) -> None:
        """Return when all DAGs are known and active."""
        missing = set(names)
        for _ in _until(patience):
            missing = set(names) - {dag["dag_id"] for dag in self.get("dags", limit=1000)["dags"]}
            if not missing:
                return
        raise TimeoutError(f"DAGs that did not appear in {patience:.0f} s: {', '.join(sorted(missing))}")

    def trigger(self, dag: str, run: str, conf: Mapping[str, Any] | None = None) -> None:
        """Start a manual run without a logical date."""
        self.post(f"dags/{dag}/dagRuns", {"logical_date": None, "dag_run_id": run, "conf": dict(conf or {})})

    def backfill(self, dag: str, start: str, end: str) -> int:
        """Create a backfill of the data intervals that start in `[start, end]`; its id."""
        body = {"dag_id": dag, "from_date": start, "to_date": end, "max_active_runs": 2}
        return int(self.post("backfills", body)["id"])

    def runs(self, dag: str, **query: Any) -> list[dict[str, Any]]:
        """The DAG's runs, oldest first."""
        found = self.get(f"dags/{dag}/dagRuns", limit=1000, order_by="run_after", **query)["dag_runs"]
        return [dict(run) for run in found]

    def wait_for_run(self, dag: str, run: str, *, patience: float = 900) -> str:
        """State of a run once it has ended."""
        for _ in _until(patience):
            state = str(self.get(f"dags/{dag}/dagRuns/{run}")["state"])
            if state in ENDED:
                return state
        raise TimeoutError(f"{dag} run {run} has not ended in {patience:.0f} s: {self.tasks(dag, run)}")

    def wait_for_backfill(self, number: int, *, patience: float = 900) -> None:
        """Return when every run of a backfill, and of those before it, has ended.

        Airflow itself marks a backfill as completed only some half a minute later.
        """
        dag = str(self.get(f"backfills/{number}")["dag_id"])
        for _ in _until(patience):
            states = [run["state"] for run in self.runs(dag, run_type="backfill")]
            if states and ENDED.issuperset(states):
                return
        raise TimeoutError(f"backfill {number} of {dag} has not ended in {patience:.0f} s: {states}")

    def wait_for_question(self, dag: str, run: str, *, patience: float = 900) -> dict[str, Any] | None:
        """The question that a run asks a person; None when the run ended without one.

        Airflow 3.3 loses an answer that is given in the first seconds, while the worker of the task still winds up: the
        task is tried again, and asks again. So a question counts once it is a few seconds old.
        """
        path = f"dags/{dag}/dagRuns/{run}/hitlDetails"
        for _ in _until(patience):
            waiting = {task for task, state in self.tasks(dag, run).items() if state == "awaiting_input"}
            asked = [dict(each) for each in self.get(path)["hitl_details"] if not each["response_received"]]
            asked = [each for each in asked if each["task_instance"]["task_id"] in waiting and _settled(each)]
            if asked:
                return asked[0]
            if self.get(f"dags/{dag}/dagRuns/{run}")["state"] in ENDED:
                return None
        raise TimeoutError(f"{dag} run {run} neither asked nor ended in {patience:.0f} s: {self.tasks(dag, run)}")

    def answer(self, dag: str, run: str, task: str, option: str, fields: Mapping[str, Any]) -> None:
        """Answer a question as the signed-in user."""
        path = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/-1/hitlDetails"
        self.client.patch(path, json={"chosen_options": [option], "params_input": dict(fields)}).raise_for_status()

    def tasks(self, dag: str, run: str) -> dict[str, str | None]:
        """State of each task of a run."""
        found = self.get(f"dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return {task["task_id"]: task["state"] for task in found}

    def xcom(self, dag: str, run: str, task: str, key: str = "return_value") -> Any:
        """What a task handed on."""
        path = f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries/{key}"
        return self.get(path, deserialize=True)["value"]

    def task_log(self, dag: str, run: str, task: str, *, attempt: int = 1) -> list[dict[str, Any]]:
        """The events of a task's log, in order."""
        events = self.get(f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{attempt}", map_index=-1)["content"]
        return [dict(event) for event in events]

    def import_errors(self) -> dict[str, str]:
        """File name to error text of every file that could not be read."""
        return {error["filename"]: error["stack_trace"] for error in self.get("importErrors")["import_errors"]}


def _settled(question: Mapping[str, Any]) -> bool:
    return datetime.now(UTC) - datetime.fromisoformat(question["created_at"]) > SETTLING


def _until(patience: float, pause: float = 0.5) -> Any:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        yield
        time.sleep(pause)
