"""The DAG builders and what reads Airflow's context and connections."""
