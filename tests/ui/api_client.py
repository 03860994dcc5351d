"""Somebody who asks the JSON API inside Airflow's own API server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from monitoring_tasks.runtime import Runtime
from tests.ui.server import headers

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx import Response

API = "/monitoring/api/v1"


class Client:
    """Somebody who asks the API."""

    def __init__(self, server: TestClient, role: str = "viewer") -> None:
        self._server, self._role = server, role

    def ask(self, path: str, **given: Any) -> Response:
        """The answer to a GET, whatever it is."""
        return self._server.get(API + path, params=given, headers=headers(self._role))

    def read(self, path: str, **given: Any) -> Any:
        """What a GET finds."""
        answer = self.ask(path, **given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pages(self, path: str, key: str, **given: Any) -> Iterator[Any]:
        """Every entry of a list, over all of its pages."""
        following: str | None = ""
        while following is not None:
            found = self.read(path, **given, **({"cursor": following} if following else {}))
            yield from found[key]
            following = found["next"]


@pytest.fixture
def client(server: TestClient, world: Runtime) -> Client:
    """A viewer of the world."""
    return Client(server)
