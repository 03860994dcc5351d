"""A real browser on Airflow's own API server: Chromium without a screen, and the server on a port of this machine."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.ui.server import token

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from playwright.sync_api import Browser, Page

CHROMIUM = "chromium"
Tab = Callable[..., "Page"]


@pytest.fixture(scope="session")
def site(server: TestClient) -> Iterator[str]:
    """Address of the server of the fixture `server`, on a free port of the loopback."""
    import uvicorn

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        made = uvicorn.Server(uvicorn.Config(server.app, lifespan="off", log_level="warning", ws="none"))
        thread = threading.Thread(target=made.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 30
        while not made.started:
            assert time.monotonic() < deadline, "the server did not start within 30 s"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        made.should_exit = True
        thread.join(timeout=10)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Chromium, without a screen."""
    from playwright.sync_api import sync_playwright

    executable = shutil.which(CHROMIUM)
    assert executable, "there is no chromium on this machine: run `make tools`"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def tab(site: str, chromium: Browser) -> Iterator[Tab]:
    """Open a tab as a signed-in person; scripts can read the cookie, as those of Airflow's own pages can.

    Further arguments are those of a browser context, such as `color_scheme`. What the page complains about, and
    whatever is thrown in it, is in its attribute `complaints`.
    """
    contexts: list[Any] = []

    def opened(role: str = "viewer", **more: Any) -> Page:
        context = chromium.new_context(base_url=site, **more)
        contexts.append(context)
        context.add_cookies([{"name": "_token", "value": token(role), "url": site}])
        page = context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.complaints = complaints  # type: ignore[attr-defined]
        return page

    yield opened
    for context in contexts:
        context.close()
