"""Airflow's API server with the plugin mounted, and people with roles that ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

ROLES = ("nobody", "stranger", "viewer", "user", "op", "admin")
HTML = {"Accept": "text/html"}


@pytest.fixture(scope="session")
def server(airflow_database: None) -> TestClient:
    """Airflow's API server with the plugin mounted; requests are anonymous unless they carry a token."""
    from airflow.api_fastapi.app import create_app
    from fastapi.testclient import TestClient

    return TestClient(create_app(apps="core"), raise_server_exceptions=False)


def headers(role: str, **more: str) -> dict[str, str]:
    """What a signed-in person's program sends; `nobody` is not signed in, `stranger` has no role."""
    return more if role == "nobody" else {"Authorization": f"Bearer {token(role)}", **more}


def browser(role: str, origin: str = "http://testserver", **more: str) -> dict[str, str]:
    """What a signed-in person's browser sends from a page of an origin: a cookie, no bearer token."""
    cookie = {} if role == "nobody" else {"Cookie": f"_token={token(role)}"}
    return {**cookie, **HTML, "Origin": origin, **more}


def token(role: str) -> str:
    """The token of a person with a role."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    user = SimpleAuthManagerUser(username=role, role=None if role == "stranger" else role)
    return str(get_auth_manager().generate_jwt(user))
