"""Stage prepare: the flights to learn from, those whose outcome is known."""

from __future__ import annotations

from flights import read_flights
from params import read_params


def main() -> None:
    """Write `flights.parquet`."""
    span = read_params()["data"]
    flights = read_flights(span["start"], span["end"]).dropna(subset="label")
    if flights.empty:
        raise SystemExit(f"no flight landed from {span['start']} to {span['end']}: data.start and data.end lie in 2013")
    flights.astype({"label": "int8"}).to_parquet("flights.parquet", index=False)


if __name__ == "__main__":
    main()
