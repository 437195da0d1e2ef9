"""What happens to these tests on a machine without a browser."""

import pytest

from tests.site.conftest import no_browser


def test_without_a_browser_tests_are_skipped_and_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="No Chromium"):
        no_browser()


def test_without_a_browser_tests_fail_in_continuous_integration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match="No Chromium"):
        no_browser()
