"""The section `descriptors` of a monitor: what may be named, what is refused and why."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from monitoring_tasks.descriptors import DESCRIPTORS, REFUSED
from monitoring_tasks.monitor import Monitor

PLAIN: dict[str, Any] = {
    "name": "answers",
    "owner": "support",
    "task": "binary",
    "source": {"path": "log"},
    "reference": {"path": "reference.parquet"},
    "timestamp": "at",
    "id": "id",
    "label": "good",
    "prediction": "score",
    "derived": {"words": {"kind": "word_count", "of": "response"}},
    "features": {"*": None, "seconds": "numeric"},
}


def monitor(descriptors: Any) -> Monitor:
    """A monitor with this section."""
    return Monitor.model_validate({**PLAIN, "descriptors": descriptors})


def refused(descriptors: Any) -> str:
    """What validation says of a section that is refused, in one error."""
    with pytest.raises(ValidationError) as caught:
        monitor(descriptors)
    (error,) = caught.value.errors()
    return str(error["msg"])


def test_descriptors_are_named_with_what_they_look_for() -> None:
    """A name stands alone; one that looks for something is followed by it, a text or a list."""
    found = monitor({"response": ["SentenceCount", {"Contains": ["refund", "sorry"]}, {"BeginsWith": "Sorry"}]})
    assert [each.words for each in found.descriptors["response"]] == [
        "SentenceCount",
        "Contains refund, sorry",
        "BeginsWith Sorry",
    ]


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([], "found 0 descriptors: name 1 to 20"),
        (["TextLength", "TextLength"], "TextLength is named twice"),
        ([{"Contains": f"{number}"} for number in range(21)], "found 21 descriptors"),
        (["Contains"], "Contains needs items: write what it looks for, as Contains: [sorry]"),
        ([{"TextLength": "a"}], "TextLength looks for nothing"),
        ([{"EndsWith": ["a", "b"]}], "EndsWith looks for one text, found 2"),
        (["Readability"], "'Readability' is not a descriptor of Evidently's: use one of TextLength, WordCount"),
        (["Sentiment"], "Sentiment cannot be used: it downloads a list of words: use a derived column"),
        (["OOVWordsPercentage"], "use NonLetterCharacterPercentage"),
        ([{"IncludesWords": "no"}], "takes parts of words for words"),
        ([{"RegExp": "(a+)+$"}], "a derived column of kind matches"),
        (["DeclineLLMEval"], "it sends texts to the API of a language model"),
        (["SemanticSimilarity"], "it downloads a model"),
        ([3], "valid dictionary"),
    ],
)
def test_what_cannot_be_computed_is_refused_with_a_way_out(entries: Any, said: str) -> None:
    """Unknown names, downloads, APIs and settings that do not fit are one error each, which says what to do."""
    assert said in refused({"response": entries})


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("at", "the timestamp"),
        ("id", "the id"),
        ("good", "the label"),
        ("score", "the prediction"),
        ("words", "derived"),
        ("seconds", "a number"),
    ],
)
def test_only_logged_texts_have_descriptors(column: str, said: str) -> None:
    """Columns of another role, derived ones and numbers are no texts."""
    assert f"column {column!r} is {said}: take it out of descriptors" in refused({column: ["TextLength"]})


def test_every_descriptor_of_evidently_is_known() -> None:
    """Both tables together are Evidently's list: a release that adds one is noticed here."""
    from monitoring_tasks.suites.evidently_import import evidently  # isort: skip  # without its remarks
    from evidently import descriptors

    assert evidently
    offered = {name for name in vars(descriptors) if name[0].isupper() and callable(getattr(descriptors, name))}
    assert offered == DESCRIPTORS.keys() | REFUSED.keys()
    assert not DESCRIPTORS.keys() & REFUSED.keys()


def test_validation_imports_nothing_heavy() -> None:
    """A DAG file is parsed without Evidently, nltk or pandas."""
    code = (
        "import sys; from monitoring_tasks.monitor import Monitor;"
        f"Monitor.model_validate({{**{PLAIN!r}, 'descriptors': {{'response': ['TextLength']}}}});"
        "sys.exit(bool({'evidently', 'nltk', 'pandas'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_descriptors_change_no_verdict_but_their_columns_are_no_features() -> None:
    """The configuration hash knows the columns, which '*' leaves out, and not what is computed of them."""
    plain, one = monitor({}), monitor({"question": ["TextLength"]})
    assert one.config_hash == monitor({"question": ["WordCount", "TextLength"]}).config_hash
    assert len({each.config_hash for each in (plain, one, monitor({"answer": ["TextLength"]}))}) == 3
    assert one.performance_hash == plain.performance_hash
    assert plain.texts == {"response"}
    assert one.texts == {"response", "question"}


def test_a_text_model_whose_answer_is_its_prediction_is_told_to_derive_one() -> None:
    """The first thing that people write names the free text: the sentence is about that, not about its descriptors."""
    with pytest.raises(ValidationError, match=r"prediction 'response' of a text model is not derived: name one of"):
        Monitor.model_validate(
            {**PLAIN, "task": "text", "prediction": "response", "descriptors": {"response": ["SentenceCount"]}}
        )
