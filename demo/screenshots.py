"""The pictures of the pages in `docs/`: `python -m demo.screenshots`, after `make demo EXIT=1`.

A real Airflow over what the demonstration left, looked at in Chromium, in light and dark, wide and on a phone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from demo.__main__ import DAG, ROOT, WORK
from demo.browser import open_browser, sign_in
from demo.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FOLDER = ROOT / "docs"
RANGE = "start=2013-04-02&end=2013-12-31"
PATIENCE = 1500
"""Milliseconds until plots are drawn and fonts are there."""


@dataclass(frozen=True)
class Picture:
    """A picture to take: of an address, as `name.png`; the part of it that is above `height`, or all where it is None.

    `follow` is what the address of a link on that page holds whose page is meant.
    """

    name: str
    path: str
    scheme: Literal["light", "dark"] = "light"
    width: int = 1280
    height: int | None = 900
    follow: str = ""


MODEL = f"/monitoring/model/{DAG}?{RANGE}"
PICTURES = (
    Picture("dashboard-light", "/plugin/model-monitoring"),
    Picture("dashboard-dark", "/plugin/model-monitoring", "dark"),
    Picture("model-light", MODEL, height=None),
    Picture("model-dark", MODEL, "dark", height=None),
    Picture("model-phone", MODEL, width=390, height=1600),
    Picture("column-light", f"/monitoring/model/{DAG}/column/temp?{RANGE}"),
    Picture("column-dark", f"/monitoring/model/{DAG}/column/temp?{RANGE}", "dark"),
    Picture("run-light", MODEL, follow=f"/run/{DAG}/"),
    Picture("run-dark", MODEL, "dark", follow=f"/run/{DAG}/"),
    Picture("tab-light", f"/dags/{DAG}/plugin/monitoring"),
)


def main() -> None:
    """Take every picture."""
    os.environ.update(MONITORING_HOME=str(WORK), MONITORING_MONITORS=str(ROOT / "include" / "monitors"))
    with Stack(WORK / "airflow", ROOT) as stack, open_browser() as browser:
        stack.rest.wait_for_dags([DAG])
        for picture in PICTURES:
            print(take(picture, browser, stack))  # noqa: T201  what a person who runs this wants to know


def take(picture: Picture, browser: Browser, stack: Stack) -> Path:
    """Take a picture, as the administrator sees the page."""
    with_height = {"width": picture.width, "height": picture.height or 900}
    context = browser.new_context(viewport=with_height, color_scheme=picture.scheme)  # type: ignore[arg-type]
    page = context.new_page()
    sign_in(page, stack.url, "admin", stack.passwords["admin"])
    page.goto(stack.url + picture.path)
    if picture.follow:
        page.locator(f"main a[href*='{picture.follow}']").first.click()
    settle(page)
    target = FOLDER / f"{picture.name}.png"
    page.screenshot(path=target, full_page=picture.height is None)
    context.close()
    return target


def settle(page: Page) -> None:
    """Wait until nothing more is loaded or drawn; within Airflow's own pages, in the frame that shows these."""
    page.wait_for_load_state("networkidle")
    if "/plugin/" in page.url:
        page.frame_locator("iframe").first.locator("main").wait_for()
    page.wait_for_timeout(PATIENCE)


if __name__ == "__main__":
    main()
