"""Evidently's text descriptors that a monitor may name, and why not the others.

`suites/texts.py` runs them; a test holds both tables to Evidently's own list. Nothing heavy is imported here, because
configuration is read whenever a DAG file is parsed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from monitoring_tasks.methods import Kind

PlainName = Literal[
    "TextLength",
    "WordCount",
    "SentenceCount",
    "NonLetterCharacterPercentage",
    "ContainsLink",
    "IsValidJSON",
]
"""Descriptors that need nothing but the text."""
SettingName = Literal["Contains", "DoesNotContain", "BeginsWith", "EndsWith"]
"""Descriptors that need to be told what to look for."""
Setting = Literal["items", "prefix", "suffix"]


@dataclass(frozen=True)
class TextDescriptor:
    """One descriptor of Evidently: the kind of its values, the setting it needs, and how much of a text.

    Where `whole`, the beginning of a text says nothing: one of which only that was kept has no value.
    """

    kind: Kind
    setting: Setting | None = None
    whole: bool = False


DESCRIPTORS: dict[str, TextDescriptor] = {
    "TextLength": TextDescriptor("numeric"),
    "WordCount": TextDescriptor("numeric"),
    "SentenceCount": TextDescriptor("numeric"),
    "NonLetterCharacterPercentage": TextDescriptor("numeric"),
    "ContainsLink": TextDescriptor("categorical"),
    "IsValidJSON": TextDescriptor("categorical", whole=True),
    "Contains": TextDescriptor("categorical", "items"),
    "DoesNotContain": TextDescriptor("categorical", "items"),
    "BeginsWith": TextDescriptor("categorical", "prefix"),
    "EndsWith": TextDescriptor("categorical", "suffix", whole=True),
}
assert DESCRIPTORS.keys() == {*get_args(PlainName), *get_args(SettingName)}

_DERIVE = "use a derived column of kind matches"
_LOG = "let the application compute it and log it as a column, which is then watched on all rows"
_WORDS = f"it takes parts of words for words (no is found in know): {_DERIVE} with \\b around the words"
_DOWNLOAD = f"it downloads a model: {_LOG}"
_API = f"it sends texts to the API of a language model: {_LOG}"
_TWO = f"it compares two columns: {_LOG}"
_CODE = f"it is a function of Python's, which no YAML can hold: {_LOG}"
_TESTS = "it tests other descriptors, and here descriptors decide nothing: name the descriptors"
REFUSED: dict[str, str] = {
    "Sentiment": f"it downloads a list of words: {_DERIVE}, or {_LOG}",
    "OOVWordsPercentage": (
        "it downloads lists of words: use NonLetterCharacterPercentage, or a derived column of kind non_ascii_share or "
        "repeated_words"
    ),
    "RegExp": f"a text can keep its regular expressions busy for ever: {_DERIVE}, whose expressions cannot be",
    "TextMatch": f"name what it should do, as Contains, DoesNotContain, BeginsWith or EndsWith, or {_DERIVE}",
    "IsValidPython": f"a text can crash the parser that it uses, and the task with it: {_LOG}",
    "IsValidSQL": f"it needs the package sqlvalidator, which does not come with Evidently: {_DERIVE}, or {_LOG}",
    "JSONSchemaMatch": f"it needs types of Python's: use IsValidJSON, a derived column of kind is_json, or {_LOG}",
    **dict.fromkeys(("IncludesWords", "ExcludesWords", "TriggerWordsPresent", "WordsPresence"), _WORDS),
    **dict.fromkeys(("ExactMatch", "ItemMatch", "ItemNoMatch", "JSONMatch", "WordMatch", "WordNoMatch"), _TWO),
    **dict.fromkeys(
        ("BERTScore", "ContextRelevance", "HuggingFace", "HuggingFaceToxicity", "SemanticSimilarity"), _DOWNLOAD
    ),
    **dict.fromkeys(("OpenAI", "LLMJudge", "LLMEval"), _API),
    **dict.fromkeys(("BinaryClassificationLLMEval", "MulticlassClassificationLLMEval"), _API),
    **dict.fromkeys(("BiasLLMEval", "CompletenessLLMEval", "ContextQualityLLMEval", "CorrectnessLLMEval"), _API),
    **dict.fromkeys(("DeclineLLMEval", "FaithfulnessLLMEval", "NegativityLLMEval", "PIILLMEval"), _API),
    "ToxicityLLMEval": _API,
    **dict.fromkeys(("CustomColumnDescriptor", "CustomDescriptor"), _CODE),
    **dict.fromkeys(("ColumnTest", "TestSummary"), _TESTS),
}
"""Why a descriptor is refused, and what to use instead."""


def text_descriptor(name: str) -> TextDescriptor:
    """The descriptor called `name`. Raises `ValueError` that says why it is refused, or names the allowed ones.

    >>> text_descriptor("SentenceCount").kind
    'numeric'
    """
    if name in REFUSED:
        raise ValueError(f"{name} cannot be used: {REFUSED[name]}")
    if name not in DESCRIPTORS:
        raise ValueError(f"{name!r} is not a descriptor of Evidently's: use one of {', '.join(DESCRIPTORS)}")
    return DESCRIPTORS[name]
