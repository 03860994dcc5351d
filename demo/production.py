"""The replayed production: April to December 2013, scored by the champion, and labels at the moment of landing."""

from __future__ import annotations

import logging
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads

from demo.champion import MODEL, git, repository, run
from monitoring_tasks.retraining.registry import Champion, fetch_artifact, find_champion

logger = logging.getLogger(__name__)

START, END = "2013-04-01", "2014-01-02"  # UTC: the last flight of New York's year leaves on January 1


def replay_production(work: Path) -> None:
    """Write `work/production`: what a service with the champion of `make_champion(work)` would have logged.

    `predictions/day=YYYY-MM-DD/part-0.parquet` has every scheduled flight, the cancelled ones too: `prediction_id`,
    `timestamp` (the scheduled hour), the features, `score`, `model_version` and `latency_ms`; the day is `timestamp`'s.
    `labels/day=YYYY-MM-DD/part-0.parquet` has `prediction_id`, `label` and `label_time`, the actual landing, whose day
    it is; flights that were cancelled or diverted are not in it. All times and days are UTC. A log that this champion's
    version wrote to its end is left as it is.
    """
    champion = find_champion(str(repository(work)), MODEL)
    folder = work.absolute() / "production"
    done = folder / "model_version"
    if done.is_file() and done.read_text(encoding="utf-8") == champion.version:
        logger.info("production.kept version=%s folder=%s", champion.version, folder)
        return
    shutil.rmtree(folder, ignore_errors=True)
    flights = score_flights(work.absolute(), champion)
    write_days(predictions(flights, champion.version), folder / "predictions", day_of="timestamp")
    write_days(labels(flights), folder / "labels", day_of="label_time")
    done.write_text(champion.version, encoding="utf-8")
    logger.info("production.replayed version=%s flights=%d folder=%s", champion.version, len(flights), folder)


def score_flights(work: Path, champion: Champion) -> pd.DataFrame:
    """The flights with features, outcome and `score`, by the code and the model of the champion's own revision."""
    with TemporaryDirectory(prefix="serving-", dir=work) as scratch:
        origin, serving = str(repository(work)), Path(scratch) / MODEL
        git("clone", "--quiet", origin, str(serving), folder=work)
        git("checkout", "--quiet", "--detach", champion.revision, folder=serving)
        fetch_artifact(origin, champion.revision, "model.skops", serving / "model.skops")
        run([sys.executable, "src/flights.py", START, END, "rows.parquet"], folder=serving)
        run([sys.executable, "src/score.py", "rows.parquet", "scores.parquet"], folder=serving)
        rows, scores = pd.read_parquet(serving / "rows.parquet"), pd.read_parquet(serving / "scores.parquet")
    return rows.merge(scores.rename(columns={"prediction": "score"}), on="prediction_id", validate="one_to_one")


def predictions(flights: pd.DataFrame, version: str) -> pd.DataFrame:
    """The prediction log: what was known and said before departure."""
    log = flights.drop(columns=["label", "label_time"])
    return log.assign(model_version=version, latency_ms=latency_ms(flights["prediction_id"]))


def labels(flights: pd.DataFrame) -> pd.DataFrame:
    """The label log: outcomes in the order in which they became known."""
    log = flights[["prediction_id", "label", "label_time"]].dropna(subset="label")
    return log.astype({"label": "int8"}).sort_values(["label_time", "prediction_id"], ignore_index=True)


def latency_ms(ids: pd.Series) -> pd.Series:
    """Made-up milliseconds: 4 and an exponential of mean 3, drawn from a hash of the id, so that they never change.

    Nothing else in the log is made up.
    """
    uniform = (pd.util.hash_array(ids.to_numpy(dtype=object)) >> np.uint64(11)) * 2.0**-53
    return pd.Series(4 - 3 * np.log1p(-uniform), index=ids.index).round(3)


def write_days(log: pd.DataFrame, folder: Path, *, day_of: str) -> None:
    """Write `folder/day=YYYY-MM-DD/part-0.parquet` for each UTC day of the column `day_of`, rows in the log's order."""
    dated = log.assign(day=log[day_of].dt.strftime("%Y-%m-%d"))
    table = pa.Table.from_pandas(dated, preserve_index=False).replace_schema_metadata(None)
    pads.write_dataset(
        table,
        folder,
        format="parquet",
        partitioning=["day"],
        partitioning_flavor="hive",
        basename_template="part-{i}.parquet",
        use_threads=False,  # threads would write rows in any order
    )
