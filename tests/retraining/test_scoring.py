"""Both sides score the same rows by their own code: a real repository, a real DVC remote, real processes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from ruamel.yaml import YAML

from monitoring_tasks.errors import GateInvalid, PipelineFailed, PipelineUnavailable
from monitoring_tasks.retraining import scoring as scoring_module
from monitoring_tasks.retraining.scoring import Contest, Scored, Side, score
from monitoring_tasks.retraining_section import Pipeline
from tests.dvc_pipeline import ModelRepository, labelled

DAY = date(2013, 3, 5)
Scoring = Callable[..., Scored]


@pytest.fixture
def contest(tmp_path: Path) -> Contest:
    """One day's rows, and the churn model's way to score them."""
    pipeline = Pipeline(model="model.json", score=["python", "score.py", "{input}", "{output}"])
    rows = labelled(DAY, count=300).drop_columns(["churned"])
    return Contest(rows, "id", "binary", pipeline, tmp_path / "cache")


@pytest.fixture
def told() -> list[str]:
    """Lines that the score commands wrote."""
    return []


@pytest.fixture
def scoring(churn: ModelRepository, contest: Contest, told: list[str], tmp_path: Path) -> Scoring:
    """Scores the contest at a revision, the champion's unless one is given."""

    def run_it(revision: str = "", *, side: str = "champion", **pipeline: Any) -> Scored:
        changed = replace(contest, pipeline=contest.pipeline.model_copy(update=pipeline))
        given = Side(side, churn.origin, revision or churn.champion)
        return score(given, changed, workspace=tmp_path / "work" / side, tell=told.append)

    return run_it


@pytest.fixture
def without_dvc(churn: ModelRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Brings the model from its remote without DVC, which takes seconds each time; all else is real."""

    def pull(checkout: Path, paths: Sequence[str], *, cache: Path) -> None:
        shutil.copy(model_of(churn), checkout / "model.json")

    monkeypatch.setattr(scoring_module, "pull", pull)


def model_of(churn: ModelRepository) -> Path:
    """The champion's model in the DVC remote."""
    lock = YAML(typ="safe", pure=True).load(churn.git("show", f"{churn.champion}:dvc.lock"))
    [md5] = [out["md5"] for out in lock["stages"]["train"]["outs"]]
    return churn.remote / "files" / "md5" / md5[:2] / md5[2:]


def expected(churn: ModelRepository, rows: pa.Table) -> Any:
    """What the champion's model gives, computed here."""
    model = json.loads(model_of(churn).read_text())
    linear = model["base"] + model["age"] * rows["age"].to_numpy() + model["spend"] * rows["spend"].to_numpy()
    return 1 / (1 + np.exp(-linear))


def test_each_side_scores_with_its_own_code(
    churn: ModelRepository, contest: Contest, scoring: Scoring, told: list[str], tmp_path: Path
) -> None:
    """Two revisions with unlike code and one model score the same rows, each in its own way and in the rows' order."""
    code = (Path(__file__).parents[1] / "churn" / "score.py").read_text()
    theirs = code.replace("predict(rows)})", "1 - predict(rows)}).take(list(range(rows.num_rows))[::-1])")
    theirs = theirs.replace("pq.write_table(", 'print("of the challenger")\n    pq.write_table(')
    assert theirs != code
    challenger = churn.edit("score.py", theirs)
    champion_side, challenger_side = scoring(), scoring(challenger, side="challenger")
    assert champion_side.predictions.to_numpy() == pytest.approx(expected(churn, contest.rows))
    assert challenger_side.predictions.to_numpy() == pytest.approx(1 - expected(churn, contest.rows))
    assert champion_side.model_bytes == challenger_side.model_bytes == model_of(churn).stat().st_size
    assert champion_side.seconds > 0
    assert told == ["challenger: of the challenger"]
    assert list((tmp_path / "work" / "champion").iterdir()) == []


LOOK = """
import os, sys, pyarrow.parquet as pq
rows = pq.ParquetFile(sys.argv[1]).read()
print(sorted(rows.column_names), rows.num_rows)
print(sorted(os.environ))
print(os.getcwd() == os.path.realpath(os.path.dirname(__file__)), sys.argv[1:])
sys.exit(7)
"""


@pytest.mark.usefixtures("without_dvc")
def test_scoring_code_sees_little(
    churn: ModelRepository, contest: Contest, scoring: Scoring, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sees the rows without label and prediction, its checkout, and no variable but those that are declared."""
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("WANTED", "yes")
    with pytest.raises(PipelineFailed, match=r"the champion \([0-9a-f]{8}\): its score command ended with exit code 7"):
        scoring(churn.edit("score.py", LOOK), environment=("WANTED",))
    columns, names, places = (line.removeprefix("champion: ") for line in told)
    assert columns == f"{sorted(contest.rows.column_names)} 300"
    assert "label" not in columns
    assert "churned" not in columns
    assert "prediction" not in columns
    assert "WANTED" in names
    assert "SECRET" not in names
    assert "AIRFLOW" not in names
    assert "CHURN_DATA" not in names
    assert places.startswith("True ")


def test_rows_with_the_label_are_refused(contest: Contest) -> None:
    """No side may see the outcome."""
    with pytest.raises(GateInvalid, match="neither side may see the outcome"):
        replace(contest, rows=contest.rows.append_column("label", pa.array([0] * 300)))


WRITE = "import sys, pyarrow as pa, pyarrow.parquet as pq\nrows = pq.ParquetFile(sys.argv[1]).read()\n"


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        ("print('no rows for me'); 1 / 0", PipelineFailed, r"exit code 1: no rows for me\n(.*\n)*ZeroDivisionError"),
        ("", GateInvalid, "wrote no file where {output} stands"),
        ("import sys; open(sys.argv[2], 'w').write('id,prediction')", GateInvalid, "no parquet file"),
        (
            WRITE + "pq.write_table(pa.table({'id': rows['id'][1:], 'prediction': [0.5] * 299}), sys.argv[2])",
            GateInvalid,
            "1 of 300 rows have no prediction, such as 20130305-0",
        ),
        (
            WRITE + "pq.write_table(pa.table({'id': ['x'] * 301, 'prediction': [0.5] * 301}), sys.argv[2])",
            GateInvalid,
            "wrote 301 rows and was given 300: one for each is wanted",
        ),
        (
            WRITE + "pq.write_table(pa.table({'id': rows['id'], 'prediction': [1.5] * 300}), sys.argv[2])",
            GateInvalid,
            r"300 of 300 predictions are outside \[0, 1\]",
        ),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", PipelineFailed, "exit code 137"),
    ],
    ids=["raises", "writes nothing", "writes text", "leaves out a row", "adds rows", "no probability", "killed"],
)
@pytest.mark.usefixtures("without_dvc")
def test_a_side_that_does_not_score_is_an_error(
    churn: ModelRepository, scoring: Scoring, code: str, error: type[Exception], message: str
) -> None:
    """Whatever its code does instead of scoring, the error names the side; there is no score to win against."""
    with pytest.raises(error, match=message.replace("{", r"\{")) as caught:
        scoring(churn.edit("score.py", code))
    assert str(caught.value).startswith("the champion (")


@pytest.mark.usefixtures("without_dvc")
def test_a_side_that_takes_too_long_is_ended(churn: ModelRepository, scoring: Scoring) -> None:
    """The time of `pipeline.timeout` is for scoring too."""
    slow = churn.edit("score.py", "import time; time.sleep(600)")
    with pytest.raises(PipelineFailed, match=r"the challenger \(\w{8}\): .* was ended after 1 s"):
        scoring(slow, side="challenger", timeout=timedelta(seconds=1))


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ({"model": "other.json"}, r"the champion \(\w{8}\): other.json is not an output at this revision"),
        ({"score": ("no-such-program", "{input}", "{output}")}, r"exit code 127: .*no-such-program"),
        ({"score": ("python", "none.py", "{input}{output}")}, r"exit code 2: .*none.py"),
    ],
    ids=["model", "program", "file"],
)
@pytest.mark.usefixtures("without_dvc")
def test_a_wrong_section_is_told(scoring: Scoring, pipeline: dict[str, Any], message: str) -> None:
    """What the monitor's YAML names and the revision lacks is told with the side."""
    with pytest.raises(PipelineFailed, match=message):
        scoring(**pipeline)


@pytest.mark.usefixtures("without_dvc")
def test_a_shell_is_never_asked(churn: ModelRepository, scoring: Scoring, tmp_path: Path) -> None:
    """Words that mean something to a shell are words."""
    code = "import sys, pathlib; print(sys.argv[1:2]); sys.exit(3)"
    marker = tmp_path / "PWNED"
    with pytest.raises(PipelineFailed, match=r"exit code 3: \['; touch "):
        scoring(churn.edit("score.py", code), score=("python", "score.py", f"; touch {marker}", "{input}", "{output}"))
    assert not marker.exists()


def test_revisions_and_repositories_that_are_away_are_told(
    churn: ModelRepository, contest: Contest, tmp_path: Path
) -> None:
    """A revision that is not there needs a person; a repository that is away may come back."""
    with pytest.raises(PipelineFailed, match=r"the champion \(00000000\): .*has no revision"):
        score(Side("champion", churn.origin, "0" * 40), contest, workspace=tmp_path / "w", tell=print)
    with pytest.raises(PipelineUnavailable):
        score(Side("champion", str(tmp_path / "away"), churn.champion), contest, workspace=tmp_path / "w", tell=print)


def test_a_model_that_is_not_the_recorded_one_scores_nothing(
    churn: ModelRepository, scoring: Scoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that differ from the recorded MD5 never reach the side's code."""

    def pull(checkout: Path, paths: Sequence[str], *, cache: Path) -> None:
        (checkout / "model.json").write_text("{}")

    monkeypatch.setattr(scoring_module, "pull", pull)
    with pytest.raises(PipelineFailed, match=r"the champion \(\w{8}\): model.json has MD5 .*, recorded is"):
        scoring()


@pytest.mark.usefixtures("without_dvc")
def test_what_a_killed_scoring_left_is_removed(scoring: Scoring, tmp_path: Path) -> None:
    """The next try begins in an empty folder and leaves none."""
    left = tmp_path / "work" / "champion" / "scoring-dead" / "repository"
    left.mkdir(parents=True)
    scoring()
    assert os.listdir(tmp_path / "work" / "champion") == []


@pytest.mark.usefixtures("without_dvc")
def test_a_model_that_its_code_removes_has_its_size(churn: ModelRepository, scoring: Scoring) -> None:
    """The size is the verified file's, whatever the code does to it afterwards."""
    code = (Path(__file__).parents[1] / "churn" / "score.py").read_text()
    assert scoring(churn.edit("score.py", code + "    Path('model.json').unlink()\n")).model_bytes > 0
