"""Half a year of card payments: a clean half, then four things that happen, and the retrainings that they ask for."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from threading import Thread

import pandas as pd

from demo.champion import make_champion
from demo.champion import run as execute
from demo.worlds.fraud_retraining import Judged, Requested, answer_requests
from demo.worlds.fraud_story import check, retrainings_table, scenarios_table, tell
from demo.worlds.payment_logs import FIRST, LAST, LIVE, days, rule_of_thumb, tick, weeks, window_of, write
from demo.worlds.world import EXAMPLES, World, console, quiet
from monitoring_tasks.alarms_section import WEEK
from monitoring_tasks.champion import load_reference, pin_champion
from monitoring_tasks.kept_nulls import load_calibration, load_joint
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.performance_window import Cadence
from monitoring_tasks.policy.verdict import Subject
from monitoring_tasks.runtime import Runtime, environment_runtime

MODEL = "fraud"
LOGS = "logs"
WORKERS = 2


def run(world: World) -> list[str]:
    """Make the logs and the champion, judge every week, answer what the verdicts ask for; what does not hold."""
    os.environ.update(MONITORING_HOME=str(world.work), FRAUD_LOG=str(world.work / LOGS))
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # two processes and their trainings share two cores
    quiet()
    with judges() as pool:
        make_data(world, pool)
        world.say("judging every week as it ended, and the figures of every week once its labels were final")
        judged, requested = in_order(world, pool)
    told = tell(judged, requested)
    console.print(scenarios_table(told))
    console.print(retrainings_table(requested))
    return check(judged, told, requested)


def judges() -> ProcessPoolExecutor:
    """Processes that judge weeks: a verdict depends on the data alone, so that several may be reached at once.

    They are started before there is anything to judge, for starting takes them seconds.
    """
    pool = ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn"), initializer=quiet)
    for _ in range(WORKERS):
        pool.submit(get_ready)
    return pool


def get_ready() -> None:
    """Import what judging a week imports, and comparing a challenger."""
    from monitoring_tasks import performance_steps, steps, suites

    del performance_steps, steps, suites


def in_order(world: World, pool: ProcessPoolExecutor) -> tuple[list[Judged], list[Requested]]:
    """Every week judged, and each request of its verdicts answered before the next week's; others judge meanwhile."""
    monitor, runtime = load_monitor(EXAMPLES / "fraud.yaml"), environment_runtime()
    judged: list[Judged] = []
    requested: list[Requested] = []
    with runtime.store:
        for week in pool.map(judge, weeks()):
            judged.append(week)
            requested += answer_requests(monitor, runtime, week, say=world.say)
    return judged, requested


def make_data(world: World, pool: ProcessPoolExecutor) -> None:
    """Logs of the payments, scored by a rule of thumb before the champion is there and by the champion from then on."""
    logs = world.work / LOGS
    world.say("making eight months of payments, as a rule of thumb scored them")
    before = days(FIRST, LIVE)
    write(before.assign(score=rule_of_thumb(before)), logs, version="rule")
    world.say("training the champion on the first six of them with DVC")
    later = pool.submit(days, LIVE, LAST)
    Thread(target=get_ready).start()  # DVC's own process works meanwhile
    make_champion(world.work, MODEL)
    learnt = pool.submit(learn)
    world.say("making eight more, scored by the champion")
    since = later.result()
    write(since.assign(score=scores(world.work / MODEL, since)), logs, version="v1")
    learnt.result()


def scores(tree: Path, payments: pd.DataFrame) -> pd.Series:
    """What the champion answers, by its own code in the tree that it was trained in."""
    payments.drop(columns="fraud").to_parquet(tree / "rows.parquet", index=False)
    execute([sys.executable, "src/score.py", "rows.parquet", "scores.parquet"], folder=tree)
    return pd.read_parquet(tree / "scores.parquet")["prediction"]


def learn() -> None:
    """Learn from the reference what ordinary weeks are like, once for all that judge."""
    monitor, runtime = load_monitor(EXAMPLES / "fraud.yaml"), environment_runtime()
    reference = load_reference(monitor, runtime, pin_champion(monitor, runtime))
    load_calibration(monitor, runtime, reference, WEEK)
    load_joint(monitor, runtime, reference, WEEK)


def judge(week: int) -> Judged:
    """What the DAGs of the monitor find at the end of a week, step by step."""
    monitor, runtime = load_monitor(EXAMPLES / "fraud.yaml"), environment_runtime()
    with runtime.store:
        return Judged(week, _drift(monitor, runtime, week), _figures(monitor, runtime, week))


def _drift(monitor: Monitor, runtime: Runtime, week: int) -> dict[str, object]:
    from monitoring_tasks import steps

    subject = steps.open_window(monitor, runtime, window_of(week))
    steps.profile_window(monitor, runtime, subject)
    steps.run_suites(monitor, runtime, subject)
    steps.reach_verdict(monitor, runtime, subject, run={"origin": "demonstration"})
    found = runtime.store.verdict(Subject.from_json(subject))
    assert found is not None
    return found.to_json()


def _figures(monitor: Monitor, runtime: Runtime, week: int) -> dict[str, object] | None:
    """The verdict on the newest week whose labels are final; None while there is none."""
    from monitoring_tasks import performance_steps as steps

    known_at = tick(week)
    window = Cadence.of(monitor).newest(known_at)
    if window.start < monitor.first_moment:
        return None
    subject = steps.open_performance(monitor, runtime, window, known_at=known_at)
    steps.measure_performance(monitor, runtime, subject)
    steps.report_performance(monitor, runtime, subject)
    return steps.judge_performance(monitor, runtime, subject, run={"origin": "demonstration"})
