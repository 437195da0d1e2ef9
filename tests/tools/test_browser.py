import gzip
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tools.browser import serve

PAGE = "<p>A page</p>" * 50


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lecture").mkdir()
    (tmp_path / "lecture" / "index.html").write_text(PAGE, encoding="utf-8")
    (tmp_path / "404.html").write_text("Not here", encoding="utf-8")
    (tmp_path / "font.woff2").write_bytes(b"font")
    return tmp_path


@pytest.mark.parametrize("address", ["/lecture/", "/lecture", "/lecture/?read", "/lecture/index.html"])
def test_a_folder_is_its_index(folder, address):
    with serve(folder) as base, urlopen(base + address) as answer:
        assert answer.read().decode() == PAGE
        assert answer.headers["Cache-Control"] == "max-age=600"


def test_text_is_gzipped_for_those_who_take_it_and_fonts_are_not(folder):
    with serve(folder) as base:
        with urlopen(Request(f"{base}/lecture/", headers={"Accept-Encoding": "gzip"})) as answer:
            body = answer.read()
            assert gzip.decompress(body).decode() == PAGE
            assert int(answer.headers["Content-Length"]) == len(body) < len(PAGE)
        with urlopen(Request(f"{base}/font.woff2", headers={"Accept-Encoding": "gzip"})) as answer:
            assert answer.read() == b"font"


def test_what_is_missing_is_answered_with_the_page_for_it(folder):
    with serve(folder) as base, pytest.raises(HTTPError) as caught:
        urlopen(f"{base}/nowhere/")
    with caught.value as answer:
        assert (answer.code, answer.read()) == (404, b"Not here")


def test_it_says_nothing(folder, capfd):
    with serve(folder) as base, urlopen(f"{base}/lecture/") as answer:
        answer.read()
    assert capfd.readouterr() == ("", "")
