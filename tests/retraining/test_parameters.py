"""What a run may write into params.yaml, and how it is written."""

from __future__ import annotations

import string
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.errors import PipelineFailed
from monitoring_tasks.retraining.parameters import moment_text, read_parameter, write_parameters

TEXT = """\
# what the model learns from
data:
  start: 2013-01-01  # a day
  end: "2013-03-01"  # a text in quotes
  at: 2013-03-01T00:00:00Z
  rows: 100
  snapshot: first  # no code reads it
train: {rate: 0.06, wide: true, names: [a, b], none: null}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A params.yaml."""
    (tmp_path / "params.yaml").write_text(TEXT)
    return tmp_path / "params.yaml"


def test_values_take_the_type_that_was_there(file: Path) -> None:
    """Day, text, moment and number stay what they are, and the former values are returned."""
    values = {
        "data.start": "2013-04-02",
        "data.end": "2013-07-01T06:00:00Z",
        "data.at": "2013-07-01T06:00:00Z",
        "data.rows": "250",
        "data.snapshot": "0123456789abcdef",
    }
    former = write_parameters(file, values)
    found = {key: read_parameter(file.read_text(), key) for key in values}
    assert found == {
        "data.start": date(2013, 4, 2),
        "data.end": "2013-07-01T06:00:00Z",
        "data.at": datetime(2013, 7, 1, 6, tzinfo=UTC),
        "data.rows": 250,
        "data.snapshot": "0123456789abcdef",
    }
    assert former["data.start"] == date(2013, 1, 1)
    assert (former["data.end"], former["data.rows"], former["data.snapshot"]) == ("2013-03-01", 100, "first")


def test_everything_else_stays(file: Path) -> None:
    """Comments, order, quotes and other values are as they were."""
    write_parameters(file, {"data.end": "2013-07-01", "data.snapshot": "other"})
    assert file.read_text() == TEXT.replace('2013-03-01"', '2013-07-01"').replace("first  #", "other  #")


def test_day_for_a_moment_is_its_midnight(file: Path) -> None:
    """A moment in params.yaml may be given as a day."""
    write_parameters(file, {"data.at": "2013-07-01"})
    assert read_parameter(file.read_text(), "data.at") == datetime(2013, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["true", "null", "1e3", "0123", "2013-04-02", "12"])
def test_text_stays_text(file: Path, text: str) -> None:
    """A word that YAML would read as something else is quoted."""
    write_parameters(file, {"data.snapshot": text})
    assert read_parameter(file.read_text(), "data.snapshot") == text


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-01; touch PWNED",
        "$(touch PWNED)",
        "`touch PWNED`",
        "-x",
        "--force",
        "",
        " ",
        "a b",
        "a\n",
        "2013-04-02\n",
        "../x",
        "a/b",
        "'",
        '"',
        "a:b",
        "2013-04-02T06:00:00+02:00",
        "é",
        "\u0663",
        "x" * 200,
    ],
)
def test_hostile_values_are_refused(file: Path, value: str) -> None:
    """What could be more than a word is named with its key, and nothing is written."""
    with pytest.raises(PipelineFailed, match=r"data\.snapshot: .* is refused: write a day 2013-04-02"):
        write_parameters(file, {"data.rows": "7", "data.snapshot": value})
    assert file.read_text() == TEXT


@given(st.text(alphabet=string.printable + "é\u2028", max_size=40))
def test_what_is_written_is_harmless_in_a_shell(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    """A value is refused, or consists of characters without a meaning to any shell, and is read back as it is."""
    file = tmp_path_factory.getbasetemp() / "params.yaml"
    file.write_text(TEXT)
    try:
        write_parameters(file, {"data.snapshot": value})
    except PipelineFailed:
        assert file.read_text() == TEXT
    else:
        assert set(value) <= {*string.ascii_letters, *string.digits, *"_.:-"}
        assert not value.startswith("-")
        assert read_parameter(file.read_text(), "data.snapshot") == value


@pytest.mark.parametrize("value", ["2013-13-01", "2013-02-30", "2013-01-01T25:00:00Z"])
def test_moments_off_the_calendar(file: Path, value: str) -> None:
    """What looks like a moment must be one."""
    with pytest.raises(PipelineFailed, match=r"data\.end: .* is no moment of the calendar"):
        write_parameters(file, {"data.end": value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data.start", "2013-04-02T06:00:00Z"),
        ("data.start", "word"),
        ("data.at", "word"),
        ("data.rows", "many"),
        ("train.rate", "1"),
        ("train.wide", "1"),
        ("train.names", "a"),
        ("train.none", "a"),
        ("data", "a"),
    ],
)
def test_value_of_another_type(file: Path, key: str, value: str) -> None:
    """A value that would change a key's type is refused; the error says what makes a text of it."""
    with pytest.raises(PipelineFailed, match=rf"{key} is .* of another type: quote the value"):
        write_parameters(file, {key: value})
    assert file.read_text() == TEXT


@pytest.mark.parametrize("key", ["none", "data.none", "none.end", "data.end.day", "train.names.0", ""])
def test_key_that_is_not_there(file: Path, key: str) -> None:
    """No key is ever added."""
    with pytest.raises(PipelineFailed, match=rf"params\.yaml has no {key}: add it"):
        write_parameters(file, {"data.rows": "7", key: "word"})
    assert file.read_text() == TEXT
    with pytest.raises(PipelineFailed, match=rf"params\.yaml has no {key}"):
        read_parameter(TEXT, key)


@pytest.mark.parametrize("content", [b"data: [", b"data: {end: 1, end: 2}", b"\xff\xfe\xfa", b"", b"- 1", b"word"])
def test_file_of_another_shape(file: Path, content: bytes) -> None:
    """What is no mapping of keys is the pipeline's failure, not a crash."""
    file.write_bytes(content)
    with pytest.raises(PipelineFailed, match=r"params\.yaml (is not YAML|has no data\.end)"):
        write_parameters(file, {"data.end": "word"})


def test_file_that_is_not_there(tmp_path: Path) -> None:
    """A repository without parameters cannot be trained."""
    with pytest.raises(PipelineFailed, match=r"the repository has no params\.yaml"):
        write_parameters(tmp_path / "params.yaml", {})


@given(st.integers(-30_000, 300_000), st.sampled_from([timedelta(0), timedelta(hours=6), timedelta(seconds=1)]))
def test_moments_are_written_as_they_are_read(days: int, time: timedelta) -> None:
    """The text of a moment names the same moment."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days) + time
    text = moment_text(moment)
    read: Any = datetime.fromisoformat(text)
    assert (read if read.tzinfo else read.replace(tzinfo=UTC)) == moment


@pytest.mark.parametrize(
    "rest", ["x: 2013-13-45", "x: 2013-01-01T99:00:00Z", "x: !!int abc", pytest.param("x: " + "[" * 5000, id="nested")]
)
def test_values_that_yaml_itself_cannot_build_are_told(file: Path, rest: str) -> None:
    """A day that no calendar has elsewhere in the file, or nesting without end, is a mistake in the file."""
    text = f"data: {{end: 2013-03-01}}\n{rest}\n"
    file.write_text(text)
    with pytest.raises(PipelineFailed, match=r"params\.yaml is not YAML"):
        write_parameters(file, {"data.end": "2013-04-02"})
    with pytest.raises(PipelineFailed, match=r"params\.yaml is not YAML"):
        read_parameter(text, "data.end")
    assert file.read_text() == text
