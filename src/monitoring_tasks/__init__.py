"""Airflow monitoring of machine-learning models: drift suites, verdicts, alerts and gated retraining."""
