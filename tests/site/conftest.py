"""One Chromium and one server for all tests of the built site."""

import os
from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.site.built import SITE, UNDER, addresses
from tests.site.visits import Visit
from tools.browser import find, launch, serve


def pytest_configure(config: pytest.Config) -> None:
    """Know the marker `one`."""
    config.addinivalue_line("markers", "one: of what the house does alike for every page of a kind, test one page.")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each page of the kinds that its argument names: `any_page`, `lecture`, `deck`, `lab`."""
    kinds = {"any_page": (), "lecture": ("lecture",), "deck": ("deck",), "lab": ("lab",), "to_read": ("lecture", "lab")}
    many = 1 if metafunc.definition.get_closest_marker("one") else None
    for name in kinds.keys() & set(metafunc.fixturenames):
        pages = [addresses(kind)[:many] for kind in kinds[name]] or [addresses()]
        metafunc.parametrize(name, [page for some in pages for page in some])


def no_browser() -> NoReturn:
    """Skip on a machine without Chromium; but fail where a check must not be left out."""
    reason = "No Chromium or Chrome was found; install one (`apt install chromium`) to test the site in it."
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    if not find():
        no_browser()
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the built site on this machine, without a slash at the end; under the path it was built for."""
    folder = SITE
    if UNDER:
        folder = tmp_path_factory.mktemp("host")
        below = folder / UNDER.lstrip("/")
        below.parent.mkdir(parents=True, exist_ok=True)
        below.symlink_to(SITE)
    with serve(folder) as address:
        yield address + UNDER


@pytest.fixture
def visit(browser: Browser, host: str) -> Iterator[Callable[..., Visit]]:
    """Open a page as someone who was never here: `visit("/", width=390, scheme="dark")`; closed after the test."""
    visits: list[Visit] = []

    def open_page(address: str, **how: object) -> Visit:
        visits.append(Visit(browser, host, address, **how))
        return visits[-1]

    yield open_page
    for each in visits:
        each.context.close()
