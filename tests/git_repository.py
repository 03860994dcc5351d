"""Small git repositories with a bare origin, for tests of what is read from them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

IDENTITY = {f"GIT_{role}_{key}": f"test {key}" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}


def run(*argv: str, cwd: Path) -> str:
    """Output of a command in `cwd`."""
    quiet = {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(cwd / ".site")}
    done = subprocess.run(argv, cwd=cwd, env=os.environ | IDENTITY | quiet, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(work: Path, *tags: str) -> str:
    """Commit everything in `work`, tag it, push to its origin, and return the commit."""
    run("git", "add", "-A", cwd=work)
    run("git", "commit", "--quiet", "--allow-empty", "-m", "next", cwd=work)
    return tag(work, "HEAD", *tags)


def tag(work: Path, revision: str, *tags: str) -> str:
    """Put annotated tags on a revision and push; return its commit."""
    for name in tags:
        run("git", "tag", "-a", name, "-m", name, revision, cwd=work)
    run("git", "push", "--quiet", "--tags", "origin", "HEAD", cwd=work)
    return run("git", "rev-parse", f"{revision}^{{commit}}", cwd=work)


def start(root: Path) -> Path:
    """A git work tree in `root` with the bare origin `root/origin.git`."""
    run("git", "init", "--quiet", "--bare", "origin.git", cwd=root)
    run("git", "clone", "--quiet", "origin.git", "work", cwd=root)
    return root / "work"
