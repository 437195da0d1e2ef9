"""What happens to these tests without a browser, and when they have passed already."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.site import conftest
from tests.site.conftest import no_browser


def test_without_a_browser_tests_are_skipped_and_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="No Chromium"):
        no_browser("Chromium or Chrome", "chromium")


def test_without_a_browser_tests_fail_in_continuous_integration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match="No Chromium"):
        no_browser("Chromium or Chrome", "chromium")


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site of two pages, whose tests have passed in no state yet."""
    for name, text in {"a.html": "A", "b.html": "B", "assets/course.css": "p {}"}.items():
        (tmp_path / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(conftest, "SITE", tmp_path / "site")
    monkeypatch.setattr(conftest, "PASSED", tmp_path / "visits")
    monkeypatch.setattr(conftest, "file_of", lambda page: tmp_path / "site" / page[1:])
    monkeypatch.delenv("CI", raising=False)
    return tmp_path / "site"


def item(name: str, *fixtures: str, page: str = "") -> Any:
    """A test as pytest collects it."""
    spec = SimpleNamespace(params={"any_page": page}) if page else None
    return SimpleNamespace(nodeid=f"{name}[{page}]", fixturenames=fixtures, callspec=spec)


def ended(test: Any, passed: bool) -> None:
    """Let a test end."""
    wrapped = conftest.pytest_runtest_makereport(test)
    next(wrapped)
    with pytest.raises(StopIteration):
        wrapped.send(SimpleNamespace(when="call", passed=passed))


def left(*tests: Any) -> list[str]:
    """The tests that are run, of those that were collected."""
    conftest.fingerprint.cache_clear()
    config: Any = SimpleNamespace(hook=SimpleNamespace(pytest_deselected=lambda items: None))
    kept = list(tests)
    conftest.pytest_collection_modifyitems(config, kept)
    return [each.nodeid for each in kept]


def test_a_page_that_passed_is_visited_again_only_when_it_or_the_assets_have_changed(small: Path) -> None:
    a, b, whole = item("t", "visit", page="/a.html"), item("t", "visit", page="/b.html"), item("search", "visit")
    links = item("links", page="/a.html")
    everything = [each.nodeid for each in (a, b, whole, links)]
    assert left(a, b, whole, links) == everything
    for each in (a, b, whole):
        ended(each, passed=True)
    assert left(a, b, whole, links) == [links.nodeid]
    (small / "a.html").write_text("Another", encoding="utf-8")
    assert left(a, b, whole, links) == [a.nodeid, whole.nodeid, links.nodeid]
    (small / "assets" / "course.css").write_text("p { color: red }", encoding="utf-8")
    assert left(a, b, whole, links) == everything


def test_a_page_is_visited_again_after_it_failed_and_always_in_continuous_integration(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = item("t", "visit", page="/a.html")
    ended(a, passed=True)
    ended(a, passed=False)
    assert left(a) == [a.nodeid]
    ended(a, passed=True)
    assert left(a) == []
    monkeypatch.setenv("CI", "true")
    assert left(a) == [a.nodeid]
