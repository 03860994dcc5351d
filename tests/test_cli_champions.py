"""The commands champion and rollback, on a real git repository, with the answers of a person at the terminal."""

from __future__ import annotations

import io
import json
import os
import pwd
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from monitoring_tasks.cli import main
from monitoring_tasks.retraining.registry import find_champion
from tests.git_repository import commit, run, start
from tests.production import YAML

REFERENCE = "{kind: file, path: reference.parquet, importances: importances.json}"
RETRAINING = "retraining: {pipeline: {model: model.bin}}\n"
USER = pwd.getpwuid(os.getuid()).pw_name


@dataclass(frozen=True)
class Registry:
    """A monitor and its model's repository: v1.0.0, v1.1.0 in use, and what the tags say."""

    folder: Path
    first: str
    second: str

    @property
    def origin(self) -> str:
        """The repository's path."""
        return str(self.folder / "origin.git")

    def configure(self, reference: str, more: str = "") -> None:
        """Write the monitor's YAML."""
        (self.folder / "churn.yaml").write_text(YAML.replace(REFERENCE, reference) + more)

    def number(self) -> int:
        """Number of the champion in use."""
        return find_champion(self.origin, "churn").number


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Two champions whose files git itself holds."""
    work = start(tmp_path)
    for name in ("reference.parquet", "importances.json"):
        (work / name).write_text("{}")
    first = commit(work, "churn@v1.0.0")
    (work / "model.bin").write_text("two")
    second = commit(work, "churn@v1.1.0")
    decision = {"action": "promotion", "by": "jane", "reason": "it ranks better\x1b[2J", "run": "r"}
    for number, revision, message in ((1, first, "chosen\x1b[2J by hand"), (2, second, json.dumps(decision))):
        run("git", "tag", "-a", f"churn#champion#{number}", "-m", message, revision, cwd=work)
    run("git", "push", "--quiet", "--tags", cwd=work)
    made = Registry(tmp_path, first, second)
    made.configure(f"{{kind: champion, repository: {made.origin}}}")
    return made


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def monitoring(registry: Registry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Call the command as its script does; `answer` is what is typed, "" when nobody is there."""

    def call(*arguments: str, answer: str = "") -> Ended:
        monkeypatch.setenv("MONITORING_MONITORS", str(registry.folder))
        monkeypatch.setattr("sys.argv", ["monitoring", *arguments])
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        assert "\x1b" not in shown.out + shown.err
        return Ended(int(str(ended.value.code)), shown.out, shown.err)

    return call


def test_the_history_as_sentences(registry: Registry, monitoring: Command) -> None:
    """What is in use, and then a line for each champion, the newest first."""
    done = monitoring("champion", "churn")
    assert done.code == 0, done.err
    in_use, second, first = done.out.splitlines()
    assert in_use == f"v1.1.0-{registry.second[:8]} is in use"
    line = (
        rf"#2  \d{{4}}-\d\d-\d\d \d\d:\d\dZ  v1\.1\.0 \({registry.second[:8]}\) promoted by jane: it ranks better \[2J"
    )
    assert re.fullmatch(line, second)
    assert first.endswith(f"v1.0.0 ({registry.first[:8]}) assigned by test NAME: chosen [2J by hand")


def test_the_history_as_json(registry: Registry, monitoring: Command) -> None:
    """JSON has every field, the whole decision among them."""
    found = json.loads(monitoring("champion", "churn", "--json").out)
    assert [(each["number"], each["revision"], each["version"]) for each in found] == [
        (2, registry.second, "v1.1.0"),
        (1, registry.first, "v1.0.0"),
    ]
    assert found[0]["name"] == f"v1.1.0-{registry.second[:8]}"
    assert found[0]["details"]["run"] == "r"


def test_a_rollback_that_is_confirmed(registry: Registry, monitoring: Command) -> None:
    """What is in use and what will be are shown, it is done, and who did it and why stands in the history."""
    done = monitoring("rollback", "churn", "--reason", "it is slow", answer="y\n")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert (lines[0], lines[2]) == ("in use:", "in its place:")
    assert lines[1].startswith("#2  ")
    assert lines[3].startswith("#1  ")
    assert "Go on?" in done.err
    said = rf"v1\.0\.0-{registry.first[:8]} is champion #3 of churn, put back in place by {USER} at 20\d\d-.*Z"
    assert re.fullmatch(said, lines[4].strip())
    assert find_champion(registry.origin, "churn").revision == registry.first
    newest = monitoring("champion", "churn").out.splitlines()[1]
    assert newest.endswith(f"v1.0.0 ({registry.first[:8]}) put back in place by {USER}: it is slow")
    [details] = [each["details"] for each in json.loads(monitoring("champion", "churn", "--json").out)][:1]
    assert details["previous"] == {"number": 2, "revision": registry.second, "version": f"v1.1.0-{registry.second[:8]}"}


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_a_rollback_that_is_not_confirmed(registry: Registry, monitoring: Command, answer: str) -> None:
    """No, no answer and nobody there leave everything as it is."""
    done = monitoring("rollback", "churn", answer=answer)
    assert done.code == 3
    assert done.err.endswith("nothing was changed\n")
    assert registry.number() == 2


def test_rollbacks_without_a_question(registry: Registry, monitoring: Command) -> None:
    """With --yes nobody is asked; each call is a rollback of its own, by version or commit."""
    for number, to in ((3, "1.0.0"), (4, registry.second)):
        done = monitoring("rollback", "churn", "--yes", "--to", to)
        assert done.code == 0, done.err
        assert "Go on?" not in done.err
        assert registry.number() == number


def test_a_champion_that_moved_while_the_person_thought(
    registry: Registry, monitoring: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was confirmed was the rollback of another champion: it is refused."""
    work = registry.folder / "work"

    def confirm(*arguments: object, **options: object) -> bool:
        commit(work, "churn#champion#3")
        return True

    monkeypatch.setattr("typer.confirm", confirm)
    done = monitoring("rollback", "churn", "--to", "v1.0.0")
    assert done.code == 3
    assert "PromotionRefused: the champion of churn is champion3-" in done.err
    assert registry.number() == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "v9"), "ConfigurationError: 'v9' names no champion of churn: name one of v1.1.0-"),
        (("--to", "v1.1.0"), "is champion of churn already: nothing was done"),
    ],
)
def test_rollbacks_to_what_is_none(
    registry: Registry, monitoring: Command, arguments: tuple[str, ...], said: str
) -> None:
    """It is refused before anything is asked."""
    done = monitoring("rollback", "churn", *arguments, answer="y\n")
    assert done.code == 3
    assert said in done.err
    assert "Go on?" not in done.err


def test_files_that_are_verified(registry: Registry, monitoring: Command) -> None:
    """Reference and importances always, the model where it is retrained: the first version has none of that name."""
    reference = f"{{kind: champion, repository: {registry.origin}, importances: %s}}"
    registry.configure(reference % "importances.json", RETRAINING)
    done = monitoring("rollback", "churn", "--yes")
    assert (done.code, registry.number()) == (3, 2)
    assert "model.bin of v1.0.0-" in done.err
    assert "nothing was rolled back" in done.err
    registry.configure(reference % "absent.json")
    assert "absent.json of v1.0.0-" in monitoring("rollback", "churn", "--yes").err
    registry.configure(reference % "null")
    assert monitoring("rollback", "churn", "--yes").code == 0


@pytest.mark.parametrize("command", ["champion", "rollback"])
def test_a_reference_in_a_file_has_no_versions(registry: Registry, monitoring: Command, command: str) -> None:
    """Both commands say what they need."""
    registry.configure(REFERENCE)
    done = monitoring(command, "churn")
    assert done.code == 3
    assert "ConfigurationError: monitor churn has a reference of kind file" in done.err


def test_repositories_that_are_not_allowed(
    registry: Registry, monitoring: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator's list holds for what is written; reading the history is free."""
    monkeypatch.setenv("MONITORING_REPOSITORIES", "https://git.example/ml")
    assert "is not allowed here" in monitoring("rollback", "churn", "--yes").err
    assert registry.number() == 2
    assert monitoring("champion", "churn").code == 0


def test_a_user_without_a_name(registry: Registry, monitoring: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's arbitrary user id has no name: the number stands for it, not what the environment claims."""
    monkeypatch.setattr("os.getuid", lambda: 123_456)
    monkeypatch.setenv("USER", "jane")
    assert "put back in place by user 123456" in monitoring("rollback", "churn", "--yes").out


def test_no_repository(registry: Registry, monitoring: Command) -> None:
    """A repository that does not answer is one line."""
    registry.configure("{kind: champion, repository: /absent.git}")
    for command in ("champion", "rollback"):
        done = monitoring(command, "churn")
        assert done.code == 3
        assert "ReferenceUnavailable: /absent.git could not be read" in done.err


def test_help_lists_both(monitoring: Command) -> None:
    """The commands are found by who looks for them."""
    done = monitoring("--help")
    assert "champion " in done.out
    assert "rollback " in done.out
