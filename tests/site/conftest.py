"""One Chromium and one server for all tests of the built site; a page that has not changed is not visited again."""

import hashlib
import os
import zipfile
from collections.abc import Callable, Generator, Iterator
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.site.built import ROOT, SITE, UNDER, addresses, file_of
from tests.site.firefox import Firefox
from tests.site.firefox import find as find_firefox
from tests.site.visits import Visit
from tools import offline
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


PASSED = ROOT / ".cache" / "visits"  # a file for each test that passed: in which state of the page


@cache
def fingerprint(*places: Path) -> str:
    """Fingerprint of files, and of all files in folders."""
    seen = hashlib.sha256()
    for place in places:
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file() and path.suffix != ".pyc":
                seen.update(path.as_posix().encode() + path.read_bytes())
    return seen.hexdigest()


def state(item: pytest.Function) -> str:
    """Fingerprint of what a visit depends on: its page (without one, the site), the assets, and the tests."""
    given = getattr(item, "callspec", None)
    pages = [value for value in given.params.values() if isinstance(value, str)] if given else []
    shown = [file_of(page) for page in pages if page.startswith("/")] or [SITE]
    tools = (ROOT / "tools" / name for name in ("browser.py", "offline.py"))
    tested_by = (Path(__file__).parent, *tools, ROOT / "package-lock.json")
    return fingerprint(*shown, SITE / "assets", *tested_by)


def mark_of(item: pytest.Item) -> Path:
    """The file that says in which state a test passed."""
    return PASSED / hashlib.sha256(item.nodeid.encode()).hexdigest()


def visits(item: pytest.Item) -> bool:
    """Whether a test opens a page in a browser."""
    return "visit" in getattr(item, "fixturenames", ())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Visit no page again that passed as it stands; in continuous integration, every page."""
    if os.environ.get("CI"):
        return
    again = [item for item in items if visits(item) and mark_of(item).is_file()]
    again = [item for item in again if mark_of(item).read_text(encoding="utf-8") == state(item)]
    if again:
        config.hook.pytest_deselected(items=again)
        items[:] = [item for item in items if item not in again]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember that a visit passed, and in which state of its page; forget it if it did not."""
    report = yield
    if visits(item) and report.when == "call":
        if report.passed:
            PASSED.mkdir(parents=True, exist_ok=True)
            mark_of(item).write_text(state(item), encoding="utf-8")
        else:
            mark_of(item).unlink(missing_ok=True)
    return report


def no_browser(names: str, package: str) -> NoReturn:
    """Skip on a machine without a browser; but fail where a check must not be left out."""
    reason = f"No {names} was found; install one (`apt install {package}`) to test the site in it."
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    if not find():
        no_browser("Chromium or Chrome", "chromium")
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    """The system's Firefox."""
    path = find_firefox()
    if path is None:
        no_browser("Firefox", "firefox-esr")
    started = Firefox(path, tmp_path_factory.mktemp("firefox"))
    yield started
    started.close()


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


@pytest.fixture(scope="session")
def stick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the offline copy unpacks to, on a stick whose name is none for an address."""
    there = tmp_path_factory.mktemp("offline")
    offline.pack(SITE, there / "course.zip")
    unpacked = there / "Mein Stick, Übung #1"
    with zipfile.ZipFile(there / "course.zip") as archive:
        archive.extractall(unpacked)
    return unpacked / offline.NAME


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
