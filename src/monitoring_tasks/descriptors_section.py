"""What a monitor's YAML says about Evidently's text descriptors: the section `descriptors`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from monitoring_tasks.derived_section import Texts
from monitoring_tasks.descriptors import PlainName, SettingName, TextDescriptor, text_descriptor
from monitoring_tasks.features_section import Feature
from monitoring_tasks.sections import Column, Section

MOST = 20
"""So many descriptors of one column a report shows at most."""


class Descriptor(Section):
    """One descriptor: its name, or `Contains: [refund, sorry]` with what it looks for."""

    name: str
    texts: Texts = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        setting = text_descriptor(self.name).setting
        if setting is None and self.texts:
            raise ValueError(f"{self.name} looks for nothing: write it without a list, as {self.name}")
        if setting is not None and not self.texts:
            raise ValueError(f"{self.name} needs {setting}: write what it looks for, as {self.name}: [sorry]")
        if setting in ("prefix", "suffix") and len(self.texts) > 1:
            raise ValueError(f"{self.name} looks for one text, found {len(self.texts)}: name it once for each")
        return self

    @property
    def descriptor(self) -> TextDescriptor:
        """The kind of its values, and what it needs."""
        return text_descriptor(self.name)

    @property
    def words(self) -> str:
        """The descriptor as its owner wrote it.

        >>> Descriptor(name="Contains", texts=("refund", "sorry")).words
        'Contains refund, sorry'
        """
        return " ".join(filter(None, (self.name, ", ".join(self.texts))))


def _entry(value: object) -> object:
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, Mapping) and len(value) == 1 and "name" not in value:
        ((name, texts),) = value.items()
        return {"name": name, "texts": texts}
    return value


def _some(entries: tuple[Descriptor, ...]) -> tuple[Descriptor, ...]:
    doubled = [each.words for each in entries if entries.count(each) > 1]
    if doubled:
        raise ValueError(f"{doubled[0]} is named twice: name it once")
    if not 0 < len(entries) <= MOST:
        raise ValueError(f"found {len(entries)} descriptors: name 1 to {MOST}, or leave the column out")
    return entries


Entry = Annotated[Descriptor, BeforeValidator(_entry, json_schema_input_type=PlainName | dict[SettingName, Texts])]
Descriptors = Annotated[tuple[Entry, ...], Field(strict=False), AfterValidator(_some)]
"""The descriptors of one column."""
DescribedColumns = Annotated[
    dict[Column, Descriptors],
    Field(
        description="Evidently's text descriptors by column of text, for people: up to 500 texts of a window, 2,000 "
        "characters of each, are kept for the report"
    ),
]


def require_texts(
    columns: Collection[str],
    roles: Mapping[str | None, str],
    derived: Collection[str],
    features: Mapping[str, Feature],
) -> None:
    """Raise `ValueError` for a column that is no text of the log: one of `roles`, a derived one, a number."""
    for name in columns:
        numeric = name in features and features[name].kind == "numeric"
        plain = "derived" if name in derived else "a number" if numeric else ""
        what = f"the {roles[name]}" if name in roles else plain
        if what:
            raise ValueError(
                f"descriptors are of logged texts, and column {name!r} is {what}: take it out of descriptors"
            )
