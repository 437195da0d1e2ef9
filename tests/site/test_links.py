"""The built site without a browser: every reference leads somewhere, on this site or plainly to another."""

import os
import re
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.site.built import ROOT, SITE, addresses, file_of, ids, inside, kind, topic, tree, words
from tools.launch import launch

FETCHED = {
    "link": ("href",),
    "script": ("src",),
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "iframe": ("src",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "object": ("data",),
    "embed": ("src",),
    "image": ("href", "xlink:href"),
    "use": ("href", "xlink:href"),
}
ELSEWHERE = re.compile(r"^(?!\s*data:).*?(?:https?:)?//", re.S)  # an image in the page itself is nowhere else
STYLE_ELSEWHERE = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])(?:https?:)?//[^"')\s]+""")


def test_the_site_is_built() -> None:
    assert (SITE / "index.html").is_file(), f"There is no site in {SITE}: build it with `nox -s site`."


def test_every_lecture_has_a_page_and_a_deck_and_its_lab_if_there_is_one() -> None:
    for lecture in (ROOT / "docs" / "lectures").iterdir():
        here = f"/lectures/{lecture.name}/"
        expected = [here, f"{here}slides/", *([f"{here}lab/"] if (lecture / "lab.py").exists() else [])]
        missing = [address for address in expected if address not in addresses()]
        assert not missing, f"docs/lectures/{lecture.name} gives no page at {missing}"


def test_every_link_and_anchor_leads_somewhere(any_page: str) -> None:
    dead = []
    for element in tree(any_page).find_all(["a", "area", *FETCHED]):
        for name in FETCHED.get(element.name, ("href",)):
            target = element.get(name) and inside(any_page, str(element[name]))
            if not target:
                continue
            path, _, anchor = target.partition("#")
            if not file_of(path).is_file():
                dead.append(f"no file at {path}: {element}"[:300])
            elif anchor and file_of(path).suffix == ".html":
                on_deck = kind(path) == "deck" and re.fullmatch(r"/\d+(/\d+)?", anchor)
                if not on_deck and anchor.removeprefix("/") not in ids(path):
                    dead.append(f"no id {anchor!r} on {path}: {element}"[:300])
    assert not dead, "\n".join([any_page, *dead])


def test_drawings_find_the_parts_that_they_name(any_page: str) -> None:
    named = re.findall(r"url\(\s*[\"']?#([^\"')]+)", file_of(any_page).read_text(encoding="utf-8"))
    named += [str(use.get("href", use.get("xlink:href")))[1:] for use in tree(any_page).find_all("use")]
    missing = sorted(set(named) - set(ids(any_page)))
    assert not missing, f"{any_page}: no element has the ids {missing}, which drawings use"


def test_nothing_is_fetched_from_another_host(any_page: str) -> None:
    page = tree(any_page)
    foreign = [
        str(element)[:300]
        for element in page.find_all(list(FETCHED))
        if "canonical" not in element.get("rel", [])
        and any(ELSEWHERE.search(str(element.get(name, ""))) for name in FETCHED[element.name])
    ]
    inline = chain((style.text for style in page.find_all("style")), (e["style"] for e in page.find_all(style=True)))
    foreign += [found[0] for css in inline for found in STYLE_ELSEWHERE.finditer(str(css))]
    assert not foreign, "\n".join([any_page, *foreign])


@pytest.mark.parametrize("sheet", sorted(SITE.rglob("*.css")), ids=lambda path: path.relative_to(SITE).as_posix())
def test_style_sheets_name_only_files_of_the_site(sheet: Path) -> None:
    css = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.S)
    assert not STYLE_ELSEWHERE.findall(css)
    # a sheet may list a font in older formats, too: browsers take the first they know
    firsts = re.findall(r"(?:src:\s*|[^,\s]\s+|:\s*)url\(\s*[\"']?([^\"')]+)", css)
    files = [name for name in firsts if not name.startswith(("data:", "#"))]
    missing = [name for name in files if not (sheet.parent / urlsplit(name).path).is_file()]
    assert not missing, f"{sheet.relative_to(SITE)} names files that are not there: {missing}"


def test_a_lecture_leads_to_its_deck_its_lab_and_its_script(lecture: str) -> None:
    name = topic(lecture)
    expected = {"Present": f"{lecture}slides/", "Script": f"{lecture}{name}.py"}
    if f"{lecture}lab/" in addresses():
        expected["Lab"] = f"{lecture}lab/"
    links = {words(a): inside(lecture, str(a["href"])) for a in tree(lecture).find_all("a", href=True)}
    assert expected.items() <= links.items(), f"{lecture} lacks of {expected}: {expected.items() - links.items()}"


def test_a_lab_opens_in_colab_where_the_repository_is_known_and_nobody_speaks_of_it_elsewhere(lab: str) -> None:
    there = launch(os.environ.get("REPO_URL", ""), topic(lab))
    links = [str(a["href"]) for a in tree(lab).select(".lecture-bar a[href*=colab]")]
    assert links == ([there.colab] if there else [])
    for page in ("/", "/course/run/"):
        assert bool(re.search("codespace", words(tree(page).body), re.I)) == bool(there), page


def test_a_deck_leads_back_to_its_lecture(deck: str) -> None:
    back = deck.removesuffix("slides/")
    links = [(words(a) or str(a.get("aria-label", a.get("title", ""))), a) for a in tree(deck).find_all("a", href=True)]
    assert [a for text, a in links if text.startswith("Read") and inside(deck, str(a["href"])) == back], (
        f"{deck} has no link that begins with 'Read' and leads to {back}"
    )
