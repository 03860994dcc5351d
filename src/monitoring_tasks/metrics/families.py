"""The families of figures that a scrape exports: name, type, what it means, and its labels.

All are gauges but for the count of scrapes that failed: a store is read as it is now, and what is purged from it goes
down. What is not known has no series, never a 0: a window without rows says nothing about drift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Family:
    """Series of one name, that differ in the values of their labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ("monitor",)
    type: Literal["gauge", "counter"] = "gauge"

    @property
    def header(self) -> str:
        """The lines that come before its series.

        >>> print(Family("monitoring_x", "A figure.").header, end="")
        # HELP monitoring_x A figure.
        # TYPE monitoring_x gauge
        """
        return f"# HELP {self.name} {self.help}\n# TYPE {self.name} {self.type}\n"


_STREAM = ("monitor", "stream")
_FEATURE = ("monitor", "feature")
_SCORE = ("monitor", "feature", "method")
_PREDICTION = ("monitor", "column")
_PREDICTION_SCORE = ("monitor", "column", "method")
_METRIC = ("monitor", "metric")
_WINDOW = ("monitor", "window")

# --- the monitors, as Airflow knows them
MONITOR_INFO = Family("monitoring_monitor_info", "Always 1: a monitor and its owner.", ("monitor", "owner"))
PAUSED = Family("monitoring_paused", "Whether the monitor's DAG is switched off, so that nothing is watched.")
DUE = Family(
    "monitoring_due_timestamp_seconds", "End of the newest window whose run was due, by Airflow's schedule, unix time."
)
INTERVAL = Family(
    "monitoring_schedule_interval_seconds", "Time from the newest run that was due to the next, by Airflow's schedule."
)

# --- verdicts; stream: drift, performance (the newest window that could be judged), labels (the newest of all)
OUTCOME = Family(
    "monitoring_outcome", "1 for the outcome of the newest verdict, 0 for the others.", ("monitor", "stream", "outcome")
)
SEVERITY = Family("monitoring_severity", "Severity of the newest verdict, 0 none to 4 critical.", _STREAM)
WINDOW_END = Family(
    "monitoring_window_end_timestamp_seconds", "End of the window of the newest verdict, unix time.", _STREAM
)
LAST_SUCCESS = Family(
    "monitoring_last_success_timestamp_seconds", "When the newest verdict was written, unix time.", _STREAM
)
ROWS = Family("monitoring_window_rows", "Rows of the newest window.")

# --- columns of the newest window; none of a window without rows, or with too few
FEATURES = Family(
    "monitoring_features", "Features of the newest window, by what their check of drift says.", ("monitor", "drift")
)
FAULTY = Family("monitoring_columns_faulty", "Columns of the newest window with a fault of data quality.")
LEFT_OUT = Family("monitoring_features_left_out", "Features that have no series, for a monitor has at most 500.")
FEATURE_SCORE = Family("monitoring_feature_drift_score", "Drift score of a feature by the labelled method.", _SCORE)
FEATURE_THRESHOLD = Family("monitoring_feature_drift_threshold", "Threshold of the drift score.", _SCORE)
FEATURE_DRIFTED = Family(
    "monitoring_feature_drifted", "1 where drift is a finding, 0 where it is none; no series where undecided.", _FEATURE
)
FEATURE_MISSING = Family("monitoring_feature_missing_share", "Share of missing values, 0 to 1.", _FEATURE)
FEATURE_FAULTY = Family(
    "monitoring_feature_faulty", "1 where a check of data quality failed, 0 where none did.", _FEATURE
)
PREDICTION_SCORE = Family(
    "monitoring_prediction_drift_score", "Drift score of the prediction by the labelled method.", _PREDICTION_SCORE
)
PREDICTION_THRESHOLD = Family(
    "monitoring_prediction_drift_threshold", "Threshold of the prediction's drift score.", _PREDICTION_SCORE
)
PREDICTION_DRIFTED = Family(
    "monitoring_prediction_drifted", "1 where the prediction's drift is a finding, 0 where it is none.", _PREDICTION
)
PREDICTION_MISSING = Family("monitoring_prediction_missing_share", "Share of missing predictions, 0 to 1.", _PREDICTION)

# --- figures of the newest window that could be judged, and how complete labels are (window: judged, newest)
PERFORMANCE = Family(
    "monitoring_performance",
    "The metric over all rows of the window; one at a rate at the monitor's performance.alert_rate.",
    _METRIC,
)
PERFORMANCE_LOW = Family("monitoring_performance_low", "Lower limit of the metric's interval.", _METRIC)
PERFORMANCE_HIGH = Family("monitoring_performance_high", "Upper limit of the metric's interval.", _METRIC)
ESTIMATE = Family("monitoring_performance_estimate", "What the scores alone let expect of the metric.", _METRIC)
BASELINE = Family("monitoring_performance_baseline", "The metric in the champion's reference.", _METRIC)
DROP = Family("monitoring_performance_drop", "By how much the metric is worse than the baseline.", _METRIC)
DROP_LIMIT = Family("monitoring_performance_drop_limit", "The drop that is accepted.", _METRIC)
WORSE = Family("monitoring_performance_worse", "1 where the drop is a finding, 0 where it is none.", _METRIC)
COVERAGE = Family("monitoring_label_coverage", "Share of the predictions whose label is known.", _WINDOW)
MATURITY = Family("monitoring_label_maturity", "Share of the predictions whose label is final.", _WINDOW)

# --- incidents, retrainings, champions
INCIDENTS = Family(
    "monitoring_open_incidents", "Incidents that have not ended, by state.", ("monitor", "state", "severity")
)
OLDEST_INCIDENT = Family(
    "monitoring_oldest_incident_timestamp_seconds", "When the oldest open incident began, unix time."
)
RETRAININGS = Family("monitoring_retrainings", "Retrainings that are, or ended, in a state.", ("monitor", "state"))
APPROVALS = Family("monitoring_approvals_waiting", "Retrainings that wait for a person's approval.")
OLDEST_APPROVAL = Family(
    "monitoring_oldest_approval_timestamp_seconds",
    "When the retraining that waits longest for approval was asked for, unix time.",
)
CHAMPION = Family("monitoring_champion_info", "Always 1: the champion of the newest window.", ("monitor", "champion"))
CHAMPION_SINCE = Family(
    "monitoring_champion_since_timestamp_seconds",
    "When the champion was put in place, or at the latest began to be watched, unix time.",
)

# --- the platform; letters only for whoever may see every monitor
LETTERS = Family("monitoring_letters", "Letters of the outbox that wait, or were given up.", ("state",))
SCRAPE_SECONDS = Family("monitoring_scrape_duration_seconds", "How long reading and writing these figures took.", ())
SCRAPE_ERRORS = Family(
    "monitoring_scrape_errors_total",
    "Scrapes that failed since the process was started; several may serve one address.",
    ("process",),
    type="counter",
)

OF_FEATURES = (
    FEATURE_SCORE,
    FEATURE_THRESHOLD,
    FEATURE_DRIFTED,
    FEATURE_MISSING,
    FEATURE_FAULTY,
    PREDICTION_SCORE,
    PREDICTION_THRESHOLD,
    PREDICTION_DRIFTED,
    PREDICTION_MISSING,
    LEFT_OUT,
)
"""Families that follow from a window's scores alone."""
FAMILIES = tuple(each for each in globals().values() if isinstance(each, Family))
"""All families, in the order in which they are exported."""
