"""Training on a real repository, a real DVC pipeline and a real remote."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import certifi
import pytest

from monitoring_tasks.errors import ConfigurationError, PipelineFailed, PipelineUnavailable
from monitoring_tasks.retraining import disk, guard
from monitoring_tasks.retraining.checkout import check_out
from monitoring_tasks.retraining.parameters import write_parameters
from monitoring_tasks.retraining.pipeline import Challenger, TrainingPlan, train
from monitoring_tasks.retraining.publication import published
from monitoring_tasks.retraining.registry import fetch_artifact
from tests.dvc_pipeline import FILES, ModelRepository, copy_repository, write_labelled
from tests.git_repository import IDENTITY, commit
from tests.retraining.git_server import PASSWORD, git_server
from tests.retraining.processes import wait_until, working_in

CHURN = Path(__file__).parents[1] / "churn"
# One worker then makes the shared training once.
pytestmark = pytest.mark.xdist_group("training")
OUTPUTS = ("importances.json", "model.json", "prepared.parquet", "reference.parquet")
SECRETS = {
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "s3cr3t-airflow",
    "AIRFLOW_CONN_WAREHOUSE": "s3cr3t-connection",
    "MONITORING_STORE": "s3cr3t-store",
    "AWS_SECRET_ACCESS_KEY": "s3cr3t-aws",
    "GIT_ASKPASS": "s3cr3t-askpass",
    "SSH_AUTH_SOCK": "s3cr3t-socket",
}
CERTIFICATES = Path(certifi.where())
PLAIN = {
    "TZ": "UTC",
    "LANG": "C",
    "LC_ALL": "C",
    "https_proxy": "http://proxy.invalid",
    **{name: str(CERTIFICATES) for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")},
    "SSL_CERT_DIR": str(CERTIFICATES.parent),
}
ALLOWED = {
    # Given: what was asked for, where to find programs, and whose network and language it is.
    *("CHURN_DATA", "PATH", "HOME", "USER", "TMPDIR", *PLAIN),
    *("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "DVC_NO_ANALYTICS", "DVC_SITE_CACHE_DIR"),
    # DVC's own, and those of the shell that it starts stages with.
    *("DVC_ROOT", "DVC_STAGE", "PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"),
}
# What a stage may do beside its work: it looks around, is loud, and leaves files where it stands.
NOISE = """
    import json, sys
    Path(os.environ["CHURN_DATA"], "environment.json").write_text(json.dumps(dict(os.environ)))
    Path("left.txt").write_text("left"), Path(".dvcignore").write_text("# changed\\n")
    hook = Path(os.environ["CHURN_DATA"], "hooks", "post-commit")
    hook.parent.mkdir(), hook.write_text("#!/bin/sh\\nenv > $0.ran\\n"), hook.chmod(0o755)
    os.system(f"git config core.hooksPath '{hook.parent}'")
    Path(".dvc/config").write_text("[core]\\n    remote = mine\\n[\\'remote \\"mine\\"\\']\\n    url = /nowhere\\n")
    sys.stdout.write("from https://bot:s3cr3t-url@git.example/x\\n"), sys.stdout.flush()
    sys.stderr.write("to stderr\\n")
    sys.path.insert(0, "."), __import__("train")
"""
DONE = "Use `dvc push` to send your updates to remote storage."


@dataclass(frozen=True)
class Bench:
    """A repository, a workspace and a cache; `told` holds the lines of its trainings."""

    repository: ModelRepository
    folder: Path
    told: list[str]

    @property
    def workspace(self) -> Path:
        """The workspace."""
        return self.folder / "workspace"

    @property
    def cache(self) -> Path:
        """DVC's cache."""
        return self.folder / "cache"

    def plan(self, **changes: Any) -> TrainingPlan:
        """Two days more than the champion was trained on."""
        plan = TrainingPlan(
            repository=self.repository.origin,
            base=self.repository.champion,
            branch="retrain/one",
            parameters={"data.start": "2013-01-01", "data.end": "2013-03-03", "data.snapshot": "0123abcd"},
            files=FILES,
            environment=("CHURN_DATA",),
            programs=None,
            seconds=120,
            message="Retrain churn",
            moment=datetime(2013, 3, 3, 6, tzinfo=UTC),
        )
        return replace(plan, **changes)

    def train(self, **changes: Any) -> Challenger | None:
        """Train the plan with changes."""
        return train(self.plan(**changes), workspace=self.workspace, cache=self.cache, tell=self.told.append)

    def train_with(self, tell: Callable[[str], None], **changes: Any) -> Challenger | None:
        """Train while `tell` does something at certain lines."""
        return train(self.plan(**changes), workspace=self.workspace, cache=self.cache, tell=tell)

    def fields(self, revision: str, form: str) -> str:
        """A commit's fields in git's format."""
        return self.repository.git("show", "--no-patch", f"--format={form}", revision)

    def names(self, revision: str) -> list[str]:
        """Files that a commit changed."""
        return self.repository.git("show", "--name-only", "--format=", revision).split()


def at(sign: str, act: Callable[[], object]) -> Callable[[str], None]:
    """Acts at the line that is, or begins with, `sign`."""
    return lambda line: act() if line.startswith(sign) else None


@contextmanager
def away(folder: Path) -> Iterator[None]:
    """A file stands where a folder was."""
    kept = folder.with_name(folder.name + ".away")
    folder.rename(kept)
    folder.touch()
    try:
        yield
    finally:
        folder.unlink()
        kept.rename(folder)


def make_bench(template: ModelRepository, folder: Path, patch: pytest.MonkeyPatch) -> Bench:
    """A bench whose repository has two days more than the champion was trained on."""
    (folder / "churn").mkdir()
    repository = copy_repository(template, folder / "churn")
    write_labelled(repository.data, date(2013, 3, 1), 2, count=100)
    patch.setenv("CHURN_DATA", str(repository.data))
    return Bench(repository, folder, [])


@pytest.fixture
def bench(churn_template: ModelRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench of the test's own; its cache is empty."""
    monkeypatch.setattr(guard, "GRACE", 1.0)
    return make_bench(churn_template, tmp_path, monkeypatch)


@dataclass(frozen=True)
class Trained:
    """A bench after a training over HTTP with a password, and what is known of it."""

    bench: Bench
    challenger: Challenger
    base: str
    log: str
    environment: dict[str, str]


@pytest.fixture(scope="module")
def trained(churn_template: ModelRepository, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A training whose stage is noisy, in a worker full of secrets. Its cache serves other tests too."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        for name, value in PLAIN.items():
            patch.setenv(name, value)
        bench = make_bench(churn_template, tmp_path_factory.mktemp("trained"), patch)
        bench.repository.git("config", "http.receivepack", "true")
        code = (CHURN / "prepare.py").read_text()
        base = bench.repository.edit("prepare.py", code.replace("    window =", NOISE + "    window =", 1))
        with git_server(bench.repository.root) as url, Logged() as records:
            challenger = bench.train(repository=f"{url}/origin.git", base=base)
        assert challenger is not None
        environment = json.loads((bench.repository.data / "environment.json").read_text())
    return Trained(bench, challenger, base, "\n".join(record.getMessage() for record in records), environment)


class Logged:
    """Collects the package's log records."""

    def __enter__(self) -> list[logging.LogRecord]:
        self._records: list[logging.LogRecord] = []
        self._handler = logging.Handler()
        self._handler.emit = self._records.append  # type: ignore[method-assign]
        self._logger = logging.getLogger("monitoring_tasks")
        self._level = self._logger.level
        self._logger.addHandler(self._handler)
        self._logger.setLevel(logging.DEBUG)
        return self._records

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self._handler)
        self._logger.setLevel(self._level)


@pytest.fixture(scope="module")
def plain(trained: Trained) -> Challenger:
    """A training of the champion's own code in the same repository and cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHURN_DATA", str(trained.bench.repository.data))
        made = trained.bench.train(branch="retrain/plain")
    assert made is not None
    return made


@pytest.fixture
def warm(bench: Bench, trained: Trained, plain: Challenger) -> Bench:
    """A bench of the test's own whose cache knows what the stages make."""
    shutil.copytree(trained.bench.cache, bench.cache)
    return bench


def test_challenger_is_published(trained: Trained) -> None:
    """Its branch holds one commit on the base, with the plan's message and moment, and no other branch moved."""
    bench, made = trained.bench, trained.challenger
    assert made == Challenger(made.revision, "retrain/one", OUTPUTS)
    assert published(bench.repository.origin, "retrain/one") == made.revision
    assert bench.fields(made.revision, "%P|%an|%ae|%at|%ct|%B").strip() == (
        f"{trained.base}|monitoring|monitoring@localhost|1362290400|1362290400|Retrain churn"
    )
    assert bench.fields("master", "%H") == trained.base
    assert bench.repository.git("tag").split() == ["churn#champion#1", "churn@v1.0.0"]


def test_commit_holds_the_results_alone(trained: Trained) -> None:
    """Parameters, lock and outputs in git are committed; changed code and left files are not."""
    assert trained.bench.names(trained.challenger.revision) == ["dvc.lock", "importances.json", "params.yaml"]
    text = trained.bench.repository.git("show", f"{trained.challenger.revision}:params.yaml")
    assert 'end: "2013-03-03"  # first day after training, UTC' in text
    assert "snapshot: 0123abcd" in text


def test_files_are_on_the_remote(trained: Trained, tmp_path: Path) -> None:
    """Every file of the challenger can be had from the remote alone."""
    for name in FILES:
        fetch_artifact(trained.bench.repository.origin, trained.challenger.revision, name, tmp_path / name)
    assert set(json.loads((tmp_path / "model.json").read_text())) == {"base", "age", "spend"}


def test_lines_come_in_order(trained: Trained) -> None:
    """DVC's lines and the stages' are told as they were written."""
    told = trained.bench.told
    wanted = ["> python prepare.py", "to stderr", "> python train.py", "> python evaluate.py", DONE]
    assert [line for line in told if line in wanted][: len(wanted)] == wanted


def test_pipeline_sees_no_secret(trained: Trained) -> None:
    """A stage sees what is named here, and nothing else."""
    seen = trained.environment
    assert set(seen) <= ALLOWED
    assert ALLOWED - set(seen) <= {"OLDPWD", "SHLVL", "_", "LC_CTYPE"}
    assert "s3cr3t" not in json.dumps(seen)
    assert seen["PATH"].split(":")[0] == str(Path(sys.executable).parent)
    assert all(str(trained.bench.workspace) in seen[name] for name in ("HOME", "TMPDIR", "DVC_SITE_CACHE_DIR"))


def test_settings_that_a_stage_made_are_void(trained: Trained) -> None:
    """Neither a hook nor another remote of its choice sees the credentials that publish the result."""
    hooks = trained.bench.repository.data / "hooks"
    assert [file.name for file in hooks.iterdir()] == ["post-commit"]


def test_credentials_are_told_nowhere(trained: Trained) -> None:
    """The password in the repository's URL, and one that a stage writes, are in no line and no log."""
    assert "training.cloned repository=http://***@127.0.0.1" in trained.log
    assert "from https://***@git.example/x" in trained.bench.told
    assert not any(secret in trained.log + "".join(trained.bench.told) for secret in (PASSWORD, "s3cr3t"))


def test_nothing_is_left_in_the_workspace(trained: Trained) -> None:
    """A training that ended well needs no room."""
    assert list(trained.bench.workspace.iterdir()) == []
    assert working_in(trained.bench.workspace) == []


def test_training_that_was_published_is_taken_over(trained: Trained) -> None:
    """The same plan again runs nothing and gives the same challenger."""
    told = len(trained.bench.told)
    assert trained.bench.train(base=trained.base) == trained.challenger
    assert len(trained.bench.told) == told


@pytest.mark.parametrize(
    "changes", [{"base": "churn@v1.0.0"}, {"parameters": {"data.end": "2013-03-02"}}], ids=["base", "parameters"]
)
def test_branch_of_another_training_stays(trained: Trained, changes: dict[str, Any]) -> None:
    """A branch made of something else is named with what was asked, and is not moved."""
    with pytest.raises(
        PipelineFailed, match=f"{trained.challenger.revision}, which is not a training of [0-9a-f]{{40}}"
    ):
        trained.bench.train(**{"base": trained.base, **changes})
    assert published(trained.bench.repository.origin, "retrain/one") == trained.challenger.revision


def test_branch_with_other_code_is_no_result(bench: Bench, tmp_path: Path) -> None:
    """A commit on the base that has this run's parameters, and changes code, was not made by a training."""
    checkout = check_out(bench.repository.origin, bench.repository.champion, tmp_path / "theirs", branch="retrain/one")
    write_parameters(checkout / "params.yaml", bench.plan().parameters)
    (checkout / "train.py").write_text("raise SystemExit\n")
    theirs = commit(checkout)
    with pytest.raises(PipelineFailed, match=rf"branch retrain/one .* is at {theirs}, .* left as it is"):
        bench.train()


def test_same_work_is_not_done_twice(warm: Bench) -> None:
    """Another run on the same rows takes what the stages made from the cache: same files, another branch."""
    assert warm.train(branch="retrain/two")
    # DVC runs a stage again that keeps an output in git, which `evaluate` does.
    assert [line for line in warm.told if line.startswith("> python")] == ["> python evaluate.py"]


def test_no_new_data(bench: Bench) -> None:
    """The window grew and no rows came: nothing is published, although a stage ran on the new parameters."""
    shutil.rmtree(bench.repository.data / "day=2013-03-01")
    shutil.rmtree(bench.repository.data / "day=2013-03-02")
    # A stage that depends on all of `data` depends on each of its keys.
    code = (CHURN / "dvc.yaml").read_text()
    base = bench.repository.edit("dvc.yaml", code.replace("[data.start, data.end, data.snapshot]", "[data]"))
    assert bench.train(base=base) is None
    assert "> python prepare.py" in bench.told
    assert "Stage 'train' didn't change, skipping" in bench.told
    assert bench.repository.branches() == ["master"]
    assert list(bench.workspace.iterdir()) == []


def test_parameters_that_no_stage_reads(bench: Bench) -> None:
    """Parameters must make a stage run; the error names them."""
    code = (CHURN / "dvc.yaml").read_text()
    base = bench.repository.edit("dvc.yaml", code.replace("    params: [data.start, data.end, data.snapshot]\n", ""))
    with pytest.raises(PipelineFailed, match=r"no stage of dvc\.yaml depends on data\.end, data\.snapshot"):
        bench.train(base=base, parameters={"data.end": "2013-03-03", "data.snapshot": "0123"})


def test_stage_that_fails(bench: Bench) -> None:
    """The pipeline's own failure holds its last lines, without credentials, and publishes nothing."""
    script = "import sys\nfor n in range(30): print('line', n, 'https://bot:s3cret@x/')\nsys.exit(3)\n"
    base = bench.repository.edit("prepare.py", script)
    with pytest.raises(PipelineFailed, match=r"(?s)dvc repro: exit code 255\).*line 29 .*exited with 3") as caught:
        bench.train(base=base)
    assert len(str(caught.value).splitlines()) <= 10
    assert "s3cret" not in str(caught.value) + "".join(bench.told)
    assert bench.repository.branches() == ["master"]


def test_stage_that_takes_too_long(bench: Bench) -> None:
    """A stage that ignores SIGINT is ended with the training, and so is what it started."""
    script = "import signal, subprocess\nsignal.signal(2, signal.SIG_IGN)\nsubprocess.run(['sleep', '600'])\n"
    base = bench.repository.edit("prepare.py", script)
    with pytest.raises(PipelineFailed, match="was ended after 15 s"):
        bench.train(base=base, seconds=15)
    assert "> python prepare.py" in bench.told
    assert working_in(bench.workspace) == []


def test_cancelled_training(bench: Bench) -> None:
    """A cancel while a stage runs passes as it is and leaves no process."""

    def cancel() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.train_with(at("> python prepare.py", cancel))
    assert working_in(bench.workspace) == []


def test_file_that_the_pipeline_does_not_declare(warm: Bench) -> None:
    """A file that must come of the training and is no output is named, beside the outputs there are."""
    with pytest.raises(PipelineFailed, match=r"model\.skops is not an output .* importances\.json, model\.json"):
        warm.train(files=("model.skops",))
    assert warm.repository.branches() == ["master"]


def test_origin_that_is_away(bench: Bench) -> None:
    """No clone: worth another try."""
    with away(Path(bench.repository.origin)), pytest.raises(PipelineUnavailable, match=r"origin\.git could not be"):
        bench.train()


def test_remote_that_is_away(bench: Bench) -> None:
    """The base's own files cannot be had: nothing is trained."""
    with away(bench.repository.remote), pytest.raises(PipelineUnavailable, match=r"DVC remote of .*Not a directory"):
        bench.train()
    assert bench.told == []


def test_services_that_go_away(warm: Bench) -> None:
    """Lost while the stages run: no branch without its files, and the next try ends as if nothing had been."""
    for lost in (warm.repository.remote, Path(warm.repository.origin)):
        with ExitStack() as stack, pytest.raises(PipelineUnavailable, match=r"Not a directory|invalid gitfile"):
            warm.train_with(at(DONE, lambda lost=lost: stack.enter_context(away(lost))))  # type: ignore[misc]
        assert warm.repository.branches() == ["master"]
    made = warm.train()
    assert made is not None
    assert published(warm.repository.origin, "retrain/one") == made.revision


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": {"data.end": "2026-01-01; touch PWNED"}},
        {"parameters": {"data.end": "-x"}},
        {"parameters": {"train.none": "2013-03-03"}},
        {"base": "--upload-pack=touch PWNED"},
        {"base": "-x"},
        {"branch": "-x"},
        {"branch": "--exec=touch"},
        {"branch": "a..b"},
    ],
)
def test_hostile_values_are_refused(bench: Bench, changes: dict[str, Any]) -> None:
    """They reach no shell, no stage and no branch."""
    with pytest.raises(PipelineFailed):
        bench.train(**changes)
    assert bench.told == []
    assert bench.repository.branches() == ["master"]
    assert not list(bench.folder.rglob("PWNED"))


@pytest.mark.parametrize("repository", ["--upload-pack=touch PWNED", "-x", "ext::touch% PWNED"])
def test_hostile_repositories_are_refused(bench: Bench, repository: str) -> None:
    """Git takes none of them for an option or a command."""
    with pytest.raises(PipelineUnavailable):
        bench.train(repository=repository)
    assert not list(bench.folder.rglob("PWNED"))


def test_credentials_of_a_server_that_refuses(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """User and password of a URL are in no part of the error and in no log."""
    caplog.set_level(logging.DEBUG)
    with git_server(bench.repository.root) as url, pytest.raises(PipelineUnavailable) as caught:
        bench.train(repository=url.replace(PASSWORD, "wr0ng-t0ken") + "/origin.git")
    chain = [error for error in (caught.value, caught.value.__cause__, caught.value.__context__) if error]
    said = "".join(map(repr, chain)) + caplog.text
    assert "***@127.0.0.1" in said
    assert "wr0ng" not in said


def test_programs_that_are_not_there(bench: Bench) -> None:
    """A folder of programs that this worker lacks is a mistake in the configuration."""
    with pytest.raises(ConfigurationError, match=r"pipeline\.programs /nowhere/bin is not a folder"):
        bench.train(programs="/nowhere/bin")


def test_programs_come_first(bench: Bench, tmp_path: Path) -> None:
    """The pipeline's `python` is the one in `programs`."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text("#!/bin/sh\necho the pipeline\\'s own python; exit 5\n")
    (tmp_path / "bin" / "python").chmod(0o755)
    with pytest.raises(PipelineFailed, match="exited with 5"):
        bench.train(programs=str(tmp_path / "bin"))
    assert "the pipeline's own python" in bench.told


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Path]]:
    """A folder on a disk of so many MB; where none can be mounted, every disk counts as full once it is asked for."""
    mounted: list[Path] = []

    def make(megabytes: int) -> Path:
        folder = tmp_path / f"disk{megabytes}"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
        if subprocess.run(mount, capture_output=True, check=False).returncode == 0:
            mounted.append(folder)
        else:
            monkeypatch.setattr(disk, "LEAST", 1 << 60)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("which", ["workspace", "cache"])
def test_disk_too_small_to_begin(bench: Bench, small_disk: Callable[[int], Path], which: str) -> None:
    """Nothing begins on a full disk; the error names the folder."""
    folder = small_disk(4)
    places = {"workspace": bench.workspace, "cache": bench.cache, which: folder}
    with pytest.raises(PipelineUnavailable, match=rf"the disk of \S*{folder.name} has \d+ MB free, \d+ MB are needed"):
        train(bench.plan(), **places, tell=bench.told.append)
    assert list(folder.iterdir()) == []


def test_disk_that_fills_up(bench: Bench, small_disk: Callable[[int], Path]) -> None:
    """A stage fills the disk: the error names the folder and holds what the stage said."""
    folder = small_disk(80)
    code = (CHURN / "prepare.py").read_text()
    filling = "    Path('big').write_bytes(bytes(90 << 20))\n"
    base = bench.repository.edit("prepare.py", code.replace("    window =", filling + "    window =", 1))
    with pytest.raises(PipelineUnavailable, match=r"(?s)disk80 has \d+ MB free.*No space left on device"):
        train(bench.plan(base=base), workspace=folder, cache=bench.cache, tell=bench.told.append)


def test_workspace_that_cannot_be_written(bench: Bench) -> None:
    """A folder that is a file is this machine's fault."""
    bench.workspace.write_text("in the way")
    with pytest.raises(PipelineUnavailable, match="no folder for a training"):
        bench.train()


STEPS = ["> python train.py", "training.reproduced", "training.pushed", "training.published"]
# Kills itself once a log event or a line of the pipeline begins with the word it was given.
KILLED = """
import json, logging, os, signal, sys
from datetime import datetime
from pathlib import Path
from monitoring_tasks.retraining.pipeline import TrainingPlan, train

def look(text):
    if text.startswith(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

class Watch(logging.Handler):
    def emit(self, record):
        look(record.getMessage())

logging.basicConfig(level="INFO", handlers=[Watch()])
plan = json.loads(sys.argv[1])
plan = TrainingPlan(**{**plan, "moment": datetime.fromisoformat(plan["moment"])})
train(plan, workspace=Path(sys.argv[3]), cache=Path(sys.argv[4]), tell=look)
"""


def test_killed_after_each_step(bench: Bench, trained: Trained, plain: Challenger) -> None:
    """SIGKILL after each step in turn; each next try goes on, and the last ends in the files of an untroubled one."""
    plan = json.dumps({**asdict(bench.plan()), "moment": bench.plan().moment.isoformat()})
    for step in STEPS:
        argv = [sys.executable, "-c", KILLED, plan, step, str(bench.workspace), str(bench.cache)]
        assert subprocess.run(argv, env=os.environ | IDENTITY, check=False).returncode == -9, step
        wait_until(lambda: not working_in(bench.workspace), f"end of all processes after {step}")
        there = published(bench.repository.origin, "retrain/one")
        assert (there is not None) == (step == STEPS[-1]), step
    made = bench.train()
    assert made is not None
    assert bench.fields(made.revision, "%T") == trained.bench.fields(plain.revision, "%T")
    assert bench.repository.branches() == ["master", "retrain/one"]
    assert bench.repository.git("tag").split() == ["churn#champion#1", "churn@v1.0.0"]
