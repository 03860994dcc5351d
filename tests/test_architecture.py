"""The rules of the house that no other check holds: sizes of functions and modules, names, and imports."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "monitoring_tasks"
MODULES = sorted(path for path in SOURCE.rglob("*.py") if "versions" not in path.parts)
HEAVY = {"pandas", "evidently", "sklearn", "dvc", "pyarrow", "scipy", "numpy", "sqlalchemy", "slack_sdk"}
SELDOM = {"pandas", "evidently", "sklearn", "dvc", "scipy.stats", "matplotlib", "slack_sdk"}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a module, nested ones too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def code_lines(path: Path, start: int = 1, end: int = 10**9) -> int:
    """Lines of code from `start` to `end`: no blanks, no comments, no docstrings."""
    text = path.read_text(encoding="utf-8")
    documentation: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            documentation.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(text.splitlines(), start=1)
    return sum(
        1
        for number, line in lines
        if start <= number <= end and line.strip() and not line.strip().startswith("#") and number not in documentation
    )


def sizes() -> dict[str, int]:
    """Code lines of every function of the package."""
    return {
        f"{path.relative_to(SOURCE)}:{node.name}": code_lines(path, node.lineno, node.end_lineno or node.lineno)
        for path in MODULES
        for node in functions(path)
    }


def test_functions_are_short() -> None:
    """Half of the functions have at most 6 lines of body and signature, nine in ten at most 22."""
    found = sizes()
    longest = sorted(found, key=lambda name: found[name], reverse=True)[:5]
    assert statistics.median(found.values()) <= 6
    assert statistics.quantiles(found.values(), n=10)[-1] <= 22, longest
    assert max(found.values()) <= 40, longest


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_module_is_small_and_plainly_named(path: Path) -> None:
    """A module has at most 300 lines of code, a docstring, and a name that says what it holds."""
    assert code_lines(path) <= 300
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert path.stem not in {"utils", "util", "helpers", "helper", "manager", "misc", "common"}


def test_functions_take_few_arguments() -> None:
    """At most five arguments beside self, and those after the data by keyword."""
    many = [
        f"{path.relative_to(SOURCE)}:{node.name}"
        for path in MODULES
        for node in functions(path)
        if len([a for a in (*node.args.args, *node.args.kwonlyargs) if a.arg not in {"self", "cls"}]) > 6
    ]
    assert not many


def test_import_contracts_hold() -> None:
    """Dependencies run one way, and only the edge imports Airflow."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_configuration_is_light() -> None:
    """Reading monitors, which happens whenever a DAG file is parsed, loads none of the heavy libraries."""
    code = (
        "import sys, monitoring_tasks.monitor_file, monitoring_tasks.policy.verdict;"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_task_loads_what_it_uses() -> None:
    """Each task of a run is a process of its own: what one of them needs, or few monitors, no other one pays for."""
    code = f"import sys, monitoring_tasks.steps; print(sorted({SELDOM!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_of_one_machine_is_committed() -> None:
    """Tracked files name no address to download packages from: a company mirror must serve as well."""
    lock = (ROOT / "requirements" / "lock.txt").read_text(encoding="utf-8")
    assert "--hash=sha256:" in lock
    assert "://" not in lock
    assert not (ROOT / "uv.lock").exists()
