"""Stage prepare: the payments to learn from, those of the training window with the labels that are final."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.dataset as pads
from features import LOGGED
from params import read_params


def main() -> None:
    """Write `payments.parquet`, in order of time."""
    data = read_params()["data"]
    payments = labelled(log_folder(), data)
    if payments["label"].nunique() < 2:
        raise SystemExit(f"no payment from {data['start']} to {data['end']} is known as fraud, or none as legitimate")
    payments.to_parquet("payments.parquet", index=False)


def log_folder() -> Path:
    """The folder of the logs, which hold `payments/day=YYYY-MM-DD` and `labels/day=YYYY-MM-DD`."""
    folder = os.environ.get("FRAUD_LOG")
    if folder is None:
        raise SystemExit("FRAUD_LOG is not set: it names the folder that holds payments/ and labels/")
    return Path(folder)


def labelled(logs: Path, data: dict[str, Any]) -> pd.DataFrame:
    """The payments of `data.start` to `data.end` with `label` and `label_time`.

    Of several labels of a payment the last one logged until `data.final` days after the window counts, as known then:
    labels of later days would not have been there when the training was due.
    """
    start, end = (date.fromisoformat(str(data[name])[:10]) for name in ("start", "end"))
    final = end + timedelta(days=data["final"])
    payments = _read(logs / "payments", LOGGED, start, end)
    labels = _read(logs / "labels", ["payment_id", "label", "label_time"], start, final)
    last = labels.sort_values(["label_time", "label"]).drop_duplicates("payment_id", keep="last")
    found = payments.merge(last.dropna(subset="label"), on="payment_id", validate="many_to_one")
    return found.astype({"label": "int8"}).sort_values(["at", "payment_id"], ignore_index=True)


def _read(folder: Path, columns: list[str], start: date, end: date) -> pd.DataFrame:
    day = pads.field("day")
    log = pads.dataset(folder, format="parquet", partitioning=pads.partitioning(flavor="hive"))
    return log.to_table(columns, filter=(day >= str(start)) & (day < str(end))).to_pandas()


if __name__ == "__main__":
    main()
