"""What a POST brings along: the fields of a form, or of a JSON object, as lines of text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Depends, HTTPException, Request

from monitoring_tasks.policy.narrative import plain

LARGEST, MOST, LONGEST = 65_536, 20, 1000
"""So many bytes has a body, so many fields has it, and so many characters has one."""
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


async def filled(request: Request) -> dict[str, str]:
    """The fields that were filled in, each on one line without control characters; those left empty are left out.

    400 for what cannot be read, 413 for what is too large, 415 for another kind of body.
    """
    kind = request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    if kind not in (FORM, JSON):
        raise HTTPException(415, f"send a form ({FORM}) or {JSON}")
    content = await _body(request)
    try:
        found = _object(content) if kind == JSON else dict(parse_qsl(content.decode(), max_num_fields=MOST))
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body cannot be read: send the fields as a form, or as one JSON object") from None
    return {name: text for name, value in found.items() if (text := _line(name, value))}


Fields = Annotated[dict[str, str], Depends(filled)]
"""The fields of a form or of a JSON object."""


async def _body(request: Request) -> bytes:
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > LARGEST:
            raise HTTPException(413, f"the body is larger than {LARGEST} bytes")
    return bytes(content)


def _object(content: bytes) -> Mapping[str, Any]:
    found = json.loads(content or b"{}")
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def _line(name: str, value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise HTTPException(400, f"{plain(name)[:40]} is no text: send texts")
    text = plain(value or "").strip()
    if len(text) > LONGEST:
        raise HTTPException(400, f"{plain(name)[:40]} has more than {LONGEST} characters: say it in fewer")
    return text


def required(fields: Mapping[str, str], name: str, advice: str) -> str:
    """A field that must be filled in; 400 with advice where it is not."""
    if name not in fields:
        raise HTTPException(400, f"{name} is missing: {advice}")
    return fields[name]
