"""Pictures of the documentation: one fault in real flights, as Slack, a mail program and a log show it.

python -m demo.pictures [folder]      slack.png, email.png and log.png in the folder, by default docs

The flights are those of the demonstration. In one week of June the scheduled hours come in UTC, for two models
that read one log; in September the model ranks badly, as it really did. What is shown is what the package
composes, sends and logs. Chromium takes the pictures.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageChops

from demo.champion import make_champion
from demo.production import replay_production
from demo.slack_page import Post, data_address, page
from monitoring_tasks import performance_steps, steps
from monitoring_tasks.alerts.channel import Delivery
from monitoring_tasks.alerts.html import to_html
from monitoring_tasks.alerts.log import LogChannel
from monitoring_tasks.alerts.message import Message
from monitoring_tasks.alerts.slack_blocks import detail_blocks, headline_blocks, note_blocks
from monitoring_tasks.alerts.telling import Occasion
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.runtime import Runtime, environment_runtime
from monitoring_tasks.store.records import Letter
from monitoring_tasks.window import Window

ROOT = Path(__file__).parents[1]
WORK = ROOT / ".demo"
WEEK = timedelta(weeks=1)
FAULTY = Window.parse("2013-06-11", "2013-06-18")
"""Tuesday to Tuesday."""
WORSE = Window.parse("2013-09-17", "2013-09-24")
MONITORS = ("flight_delay", "gate_planning")
SLACK = "slack:slack_default:#ml-alerts"
ALERTS = """
upstream: airline_schedule
alerts:
  channels: {ml: {kind: slack, to: "#ml-alerts"}}
  runbook: https://wiki.example.org/models/on-call
"""
LOG_STYLE = """
body { margin: 0; background: #11161d; }
pre { display: inline-block; margin: 0; padding: 16px 20px; color: #d8dee6;
  width: 1140px;
  font: 13px/1.5 "DejaVu Sans Mono", monospace; white-space: pre-wrap; }
"""
TALLEST, MARGIN = 2600, 24
log = logging.getLogger(__name__)


def main(arguments: Sequence[str]) -> int:
    """Make the pictures; 0, or what Chromium or the demonstration raises."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    folder = Path(arguments[0]) if arguments else ROOT / "docs"
    WORK.mkdir(exist_ok=True)
    make_champion(WORK)
    replay_production(WORK)
    with TemporaryDirectory(prefix="pictures-", dir=WORK) as scratch:
        for name, (html, width) in pages(Path(scratch)).items():
            take(html, folder / f"{name}.png", width=width)
    return 0


def pages(scratch: Path) -> dict[str, tuple[str, int]]:
    """The pages to take pictures of, by name, with their widths."""
    monitors = [made(scratch, name) for name in MONITORS]
    runtime = environment_runtime({"MONITORING_HOME": str(scratch)})
    with runtime.store:
        with logged() as lines:
            for week in (FAULTY, *after(FAULTY, 2)):
                for monitor in monitors:
                    judge(monitor, runtime, week)
        measure(monitors[0], runtime, WORSE)
        letters = [each for each in runtime.store.letters() if each.channel == SLACK]
    fault, figures = thread_of(letters, "data_quality"), thread_of(letters, "performance")
    mail = Message.from_json(figures[0].body)
    return {
        "slack": (slack_page(fault), 800),
        "email": (to_html(mail, [data_address(plot) for plot in mail.plots]), 720),
        "log": (log_page(lines[0], fault[0]), 1200),
    }


def made(scratch: Path, name: str) -> Monitor:
    """The demonstration's monitor under another name, over a log in which one week has hours of UTC."""
    log_folder = scratch / "predictions"
    if not log_folder.exists():
        write_log(log_folder)
    text = (ROOT / "include" / "monitors" / "flight_delay.yaml").read_text(encoding="utf-8")
    text = text.replace("../../.demo/production/predictions", str(log_folder)).replace("../../.demo", str(WORK))
    file = scratch / f"{name}.yaml"
    text = text.replace("name: flight_delay", f"name: {name}", 1)
    text = text.replace("  kind: champion\n", "  kind: champion\n  model: flight_delay\n")
    # Summer has new destinations: they are not what these pictures are about.
    text = text.replace("  visib:", "  dest: {unseen: 0.2}\n  visib:")
    file.write_text(text + ALERTS, encoding="utf-8")
    return load_monitor(file)


def write_log(folder: Path) -> None:
    """The demonstration's log with links to its days, but for the days of the faulty week."""
    folder.mkdir(parents=True)
    faulty = {f"day={FAULTY.start + timedelta(days=number):%Y-%m-%d}" for number in range(FAULTY.width.days)}
    for day in sorted((WORK / "production" / "predictions").iterdir()):
        if day.name not in faulty:
            (folder / day.name).symlink_to(day)
            continue
        (folder / day.name).mkdir()
        for part in day.iterdir():
            pq.write_table(in_utc(pq.read_table(part, partitioning=None)), folder / day.name / part.name)


def in_utc(rows: pa.Table) -> pa.Table:
    """The rows with the scheduled minute of the day in UTC: four hours later than New York's summer."""
    minutes = pa.array((rows["sched_minute"].to_numpy() + 240) % 1440)
    return rows.set_column(rows.schema.get_field_index("sched_minute"), "sched_minute", minutes)


def after(window: Window, count: int) -> Iterator[Window]:
    """The windows that follow one."""
    for number in range(1, count + 1):
        yield Window(window.start + number * WEEK, window.end + number * WEEK)


def occasion(kind: str, monitor: Monitor, tick: datetime) -> Occasion:
    """A live run ten minutes after it was due, with addresses as a real Airflow would have them."""
    run = f"https://airflow.example.org/dags/{kind}_{monitor.name}/runs/scheduled__{tick:%Y-%m-%d}"
    known = {"run": run, "report": f"{run}/report", "dashboard": "https://airflow.example.org/monitoring"}
    return Occasion(tick + timedelta(minutes=10), lambda _: known)


def judge(monitor: Monitor, runtime: Runtime, window: Window) -> None:
    """A live run of a window, ten minutes after its end."""
    told = occasion("monitor", monitor, window.end)
    subject = steps.open_window(monitor, runtime, window)
    steps.profile_window(monitor, runtime, subject)
    steps.run_suites(monitor, runtime, subject)
    steps.reach_verdict(monitor, runtime, subject, run={}, occasion=told)


def measure(monitor: Monitor, runtime: Runtime, last: Window) -> None:
    """Live runs of the performance DAG for twelve weeks, a day and a week after each has ended."""
    for number in range(-11, 1):
        window = Window(last.start + number * WEEK, last.end + number * WEEK)
        known_at = window.end + WEEK
        told = occasion("performance", monitor, known_at)
        subject = performance_steps.open_performance(monitor, runtime, window, known_at=known_at)
        performance_steps.measure_performance(monitor, runtime, subject)
        performance_steps.report_performance(monitor, runtime, subject)
        performance_steps.judge_performance(monitor, runtime, subject, run={}, occasion=told)


def thread_of(letters: Sequence[Letter], cause: str) -> list[Letter]:
    """The letters of the newest incident of a cause, in their order."""
    found = [letter for letter in letters if letter.incident.startswith(cause)]
    return [letter for letter in found if letter.incident == found[-1].incident]


def slack_page(letters: Sequence[Letter]) -> str:
    """An incident's thread: the headline, its details and plots, and what happened then."""
    message, at = Message.from_json(letters[0].body), _at(letters[0])
    headline, details = Post(at, headline_blocks(message)), Post(at, detail_blocks(message), message.plots)
    notes = [Post(_at(each), note_blocks(Message.from_json(each.body))) for each in letters[1:]]
    return page(headline, [details, *notes])


def _at(letter: Letter) -> str:
    return f"{letter.created_at:%-d %b, %H:%M}"


@contextmanager
def logged() -> Iterator[list[str]]:
    """What runs log of their verdicts."""
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.msg.startswith("verdict.reached"):
                lines.append(_stamped(record))

    handler, logger = Kept(), logging.getLogger("monitoring_tasks")
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)


def _stamped(record: logging.LogRecord) -> str:
    return f"{record.levelname:<7} {record.getMessage()}"


def log_page(verdict: str, letter: Letter) -> str:
    """A run's log: its verdict with the table of findings, and the alert, as the channel `log` writes it."""
    alert: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: alert.append(_stamped(record))  # type: ignore[method-assign]
    logger = logging.getLogger("monitoring_tasks.alerts.log")
    logger.addHandler(handler)
    message = Message.from_json(letter.body)
    LogChannel().send(Delivery(letter.key, message, incident=letter.incident, event=letter.event))
    logger.removeHandler(handler)
    text = "\n\n".join([verdict, *alert])
    return f'<!DOCTYPE html><meta charset="utf-8"><style>{LOG_STYLE}</style><pre>{escape(text)}</pre>'


def take(html: str, file: Path, *, width: int) -> None:
    """A picture of a page, twice as sharp as it is shown, cut to what stands on it."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        raise SystemExit("chromium is not installed: apt-get install -y chromium")
    file.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch:
        source, shot = Path(scratch) / "page.html", Path(scratch) / "shot.png"
        source.write_text(html, encoding="utf-8")
        size = (f"--window-size={width},{TALLEST}", "--force-device-scale-factor=2", "--hide-scrollbars")
        options = ("--headless", "--no-sandbox", "--disable-gpu", *size, f"--user-data-dir={scratch}/profile")
        subprocess.run([program, *options, f"--screenshot={shot}", source.as_uri()], check=True, capture_output=True)
        with Image.open(shot) as image:
            # A palette makes a third of the bytes, and nobody sees the difference.
            cut(image.convert("RGB")).quantize(128).save(file, optimize=True)
    log.info("picture.taken file=%s bytes=%d", file, file.stat().st_size)


def cut(image: Image.Image) -> Image.Image:
    """The picture without the empty rows and columns at its right and lower edges."""
    blank = Image.new("RGB", image.size, image.getpixel((image.width - 1, image.height - 1)))
    box = ImageChops.difference(image, blank).getbbox() or (0, 0, *image.size)
    return image.crop((0, 0, min(box[2] + MARGIN, image.width), min(box[3] + MARGIN, image.height)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
