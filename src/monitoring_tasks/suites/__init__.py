"""Evidently reports over profiles: the suites, their check results, and the pages people read.

Importing this package imports Evidently, which takes seconds: import it where suites are run, not at the top.
"""

from __future__ import annotations

from monitoring_tasks.suites.evidently_import import VERSION  # isort: skip  # before whatever else imports Evidently
from monitoring_tasks.suites.browser_script import SCRIPT_NAME, script
from monitoring_tasks.suites.comparison import ComparisonInput, comparison_page
from monitoring_tasks.suites.performance import PerformanceInput, PerformanceOutcome, run_performance_suite
from monitoring_tasks.suites.run import SuiteInput, SuiteOutcome, check, run_suites

__all__ = [
    "SCRIPT_NAME",
    "VERSION",
    "ComparisonInput",
    "PerformanceInput",
    "PerformanceOutcome",
    "SuiteInput",
    "SuiteOutcome",
    "check",
    "comparison_page",
    "run_performance_suite",
    "run_suites",
    "script",
]
