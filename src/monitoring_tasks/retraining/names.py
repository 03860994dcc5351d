"""Names of one retraining's folder, branch and pages, made from the id of its run: pure functions."""

from __future__ import annotations

import hashlib
import re

LONGEST = 80
"""So many characters of a run's id are kept in its slug."""
COMPARISON = "comparison.html"
_SLUG = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}-[0-9a-f]{8}")


def run_slug(run: str) -> str:
    """A run's id as a name for its folder and its git branch: what is not allowed in one is `-`.

    It ends with a hash of the whole id, so that two ids never share a slug.

    >>> run_slug("manual__2013-07-01T06:00:00+00:00")
    'manual__2013-07-01T06-00-00-00-00-8d6435c1'
    """
    words = re.sub(r"\.{2,}", ".", re.sub(r"[^A-Za-z0-9_.-]", "-", run)).lstrip("-.")
    return f"{words[:LONGEST] or 'run'}-{hashlib.sha256(run.encode()).hexdigest()[:8]}"


def is_slug(text: str) -> bool:
    """Whether `text` could be the slug of a run; anything else must not become part of a path.

    >>> is_slug(run_slug("again__3")), is_slug("../3-0a1b2c3d")
    (True, False)
    """
    return _SLUG.fullmatch(text) is not None


def retraining_branch(monitor: str, run: str) -> str:
    """Git branch on which a monitor's run publishes its challenger.

    Runs of two monitors may bear the same id, and their models may share a repository.

    >>> retraining_branch("churn", "again__3")
    'retrain/churn-again__3-4136c337'
    """
    return f"retrain/{run_slug(f'{monitor}/{run}')}"


def retraining_folder(monitor: str, run: str) -> str:
    """Key of the folder of artifacts of one retraining."""
    return f"retraining/{monitor}/{run_slug(run)}"


def comparison_key(monitor: str, slug: str) -> str:
    """Key of the page that compares challenger and champion, by the run's slug.

    >>> comparison_key("churn", "again__3-8412444d")
    'retraining/churn/again__3-8412444d/comparison.html'
    """
    return f"retraining/{monitor}/{slug}/{COMPARISON}"
