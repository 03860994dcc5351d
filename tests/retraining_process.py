"""A retraining as Airflow runs it, step by step, in a process of its own that can be killed after any of them.

python -m tests.retraining_process MONITOR.yaml RESULTS.json [STEP]

What a step returns is written to RESULTS.json, as Airflow keeps XComs, and a step whose result is there is not run
again. With STEP the process kills itself when that step is done and before its result is written.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from monitoring_tasks.admission_steps import Asked, admit_retraining
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.promotion_steps import Answer, await_answer, clean_up, promote_challenger
from monitoring_tasks.runtime import environment_runtime
from monitoring_tasks.training_steps import judge_challenger, score_both, train_challenger
from tests.retraining_world import WINDOW_END

RUN = "by_hand__2013-04-15T00:00:00+00:00"
NOW = datetime(2013, 4, 16, tzinfo=UTC)
STEPS = ("admit", "train", "score", "judge", "wait", "promote", "clean_up")


def steps(monitor_file: Path, results: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """Each step of the retraining, which reads what those before it returned."""
    monitor, runtime = load_monitor(monitor_file), environment_runtime()
    asked = Asked(run=RUN, origin="manual", reason="a test", window_end=WINDOW_END, requested_by="ada")
    say = lambda line: print(line, flush=True)  # noqa: E731, T201
    return {
        "admit": lambda: admit_retraining(monitor, runtime, asked, now=NOW, ended=lambda _: False),
        "train": lambda: train_challenger(monitor, runtime, results["admit"], tell=say),
        "score": lambda: score_both(monitor, runtime, results["admit"], results["train"]["challenger"], tell=say),
        "judge": lambda: judge_challenger(monitor, runtime, results["admit"], results["score"]),
        "wait": lambda: await_answer(monitor, runtime, results["admit"]),
        "promote": lambda: promote_challenger(
            monitor, runtime, results["admit"], results["judge"], Answer(approved=True, by="ada", comment="fine")
        ),
        "clean_up": lambda: clean_up(runtime, results["admit"]).to_json(),
    }


def main(monitor_file: str, results_file: str, last: str = "") -> None:
    """Run the steps that have no result yet."""
    results = json.loads(Path(results_file).read_text()) if Path(results_file).exists() else {}
    for name, step in steps(Path(monitor_file), results).items():
        if name in results:
            continue
        returned = step()
        if name == last:
            os.kill(os.getpid(), signal.SIGKILL)
        results[name] = returned
        Path(results_file).write_text(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
