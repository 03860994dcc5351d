"""A health check by HTTP for an image that has no curl.

python -m deploy.healthy URL    exit code 0 when the address answers well, else 1
"""

from __future__ import annotations

import sys
from urllib.error import URLError
from urllib.request import urlopen


def healthy(url: str) -> bool:
    """Whether a GET of an http address is answered, by 200 or what it leads to, within five seconds."""
    if not url.startswith("http://"):
        raise ValueError(f"{url!r} is no http address")
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 the scheme is looked at above
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(0 if healthy(sys.argv[1]) else 1)
