"""What all answers have in common. A number that is not known is null, never NaN; moments are in UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from monitoring_tasks.severity import Severity

Urgency = Annotated[
    Literal["none", "low", "medium", "high", "critical"],
    BeforeValidator(lambda value: value.word if isinstance(value, Severity) else value),
]
Next = Annotated[str | None, Field(description="Give it as `cursor` to read on; null at the end.")]
Free = dict[str, Any]


class Shape(BaseModel):
    """What all answers share: they are made of the project's own objects, and are not changed."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Problem(Shape):
    """Why there is no other answer, in a sentence."""

    detail: str


class Span(Shape):
    """A half-open span of time in UTC: `start` belongs to it, `end` does not."""

    start: datetime
    end: datetime
