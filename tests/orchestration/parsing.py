"""What the scheduler loads to read a DAG file."""

from __future__ import annotations

import json

from tests.airflow_home import ROOT
from tests.dags.test_dags import parse


def loaded_by(name: str, dag_id: str) -> set[str]:
    """The packages that `dags/<name>.py` loads beside Airflow's; the DAG in it is called `name`."""
    program = (
        "import json, sys, runpy\n"
        "import airflow.sdk, airflow.providers.standard.operators.python\n"
        "before = set(sys.modules)\n"
        f"found = runpy.run_path({str(ROOT / 'dags' / f'{name}.py')!r})\n"
        f"assert found[{name!r}].dag_id == {dag_id!r}\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in set(sys.modules) - before})))"
    )
    return set(json.loads(parse(program)))
