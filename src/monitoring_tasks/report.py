"""Stored HTML reports: where they lie, and how they are made fit to be read elsewhere."""

from __future__ import annotations

import re

from monitoring_tasks.errors import SourceInvalid
from monitoring_tasks.policy.verdict import Subject
from monitoring_tasks.store.artifacts import Artifacts

_SCRIPT = re.compile(r'<script src="(?:\.\./)*(scripts/evidently-[0-9A-Za-z.]+\.js)"></script>')


def run_folder(subject: Subject) -> str:
    """Key of the folder of artifacts of one subject."""
    span = f"{subject.window.start:%Y-%m-%dT%H%M%S}_{subject.window.end:%Y-%m-%dT%H%M%S}"
    return f"runs/{subject.monitor}/{subject.champion}/{span}/{subject.config_hash}"


def report_key(subject: Subject) -> str:
    """Key of the HTML report of one subject."""
    return f"{run_folder(subject)}/report.html"


def self_contained(artifacts: Artifacts, key: str) -> str:
    """The HTML report stored under `key` with its shared script written into it.

    Raises `SourceInvalid` when the report or its script is not there.
    """
    page = _text(artifacts, key)
    found = _SCRIPT.search(page)
    if found is None:
        return page
    script = _text(artifacts, found[1])
    return f"{page[: found.start()]}<script>{script}</script>{page[found.end() :]}"


def _text(artifacts: Artifacts, key: str) -> str:
    content = artifacts.read(key)
    if content is None:
        raise SourceInvalid(f"artifact {key} is not there: judge the window again, it is written anew")
    return content.decode()
