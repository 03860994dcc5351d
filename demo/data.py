"""The demonstration's champion and logs alone, for an Airflow that runs elsewhere, in containers for instance.

python -m demo.data    make them in .demo, where include/monitors/flight_delay.yaml looks; what is there is kept
"""

from __future__ import annotations

import logging
from pathlib import Path

from demo.champion import make_champion
from demo.production import replay_production

WORK = Path(__file__).parents[1] / ".demo"


def main() -> None:
    """Train the champion on January to March, and replay April to December. Raises `DemoFailed`."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    make_champion(WORK)
    replay_production(WORK)


if __name__ == "__main__":
    main()
