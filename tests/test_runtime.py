"""What the environment says about store, artifacts and connections."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine, inspect

from monitoring_tasks.runtime import environment_runtime


def test_defaults_lie_in_one_folder(tmp_path: Path) -> None:
    """Without any other word everything is kept below the home that is named."""
    runtime = environment_runtime({"MONITORING_HOME": str(tmp_path)})
    with runtime.store:
        runtime.artifacts.write("a/b.json", b"{}")
    assert (tmp_path / "monitoring" / "results.db").exists()
    assert (tmp_path / "monitoring" / "artifacts" / "a" / "b.json").read_bytes() == b"{}"


def test_the_store_is_the_connection_that_airflow_uses(tmp_path: Path, postgres_url: str) -> None:
    """The command line and the DAGs write into one store, whatever else the environment says."""
    environment = {
        "MONITORING_HOME": str(tmp_path),
        "MONITORING_STORE": f"sqlite:///{tmp_path / 'other.db'}",
        "AIRFLOW_CONN_MONITORING_STORE": postgres_url.replace("postgresql+psycopg2", "postgres"),
    }
    with environment_runtime(environment).store:
        engine = create_engine(postgres_url)
        assert any(name.startswith("monitoring_") for name in inspect(engine).get_table_names())
        engine.dispose()
    assert not (tmp_path / "other.db").exists()
