"""The built site without a browser: what a page holds, for every reader and for every search."""

import json
import re
from collections import Counter
from itertools import pairwise

import pytest

from tests.site.built import ROOT, addresses, ids, kind, tree, words

LEFTOVERS = ["{{", "][", "](", r"\(", r"\[", "$$", "///"]


def test_every_picture_says_what_it_shows(any_page: str) -> None:
    silent = [str(img)[:200] for img in tree(any_page).find_all("img") if not img.has_attr("alt")]
    silent += [
        str(svg)[:200]
        for svg in tree(any_page).find_all("svg", role="img")
        if not str(svg.get("aria-label", "")).strip()
    ]
    assert not silent, "\n".join([f"{any_page} has pictures without a description:", *silent])


def test_figures_of_a_lecture_are_described_in_a_sentence(lecture: str) -> None:
    short = [
        str(picture)[:200]
        for picture in tree(lecture).select("article :is(img, svg[role=img])")
        if len(str(picture.get("alt", picture.get("aria-label", ""))).split()) < 5
    ]
    assert not short, "\n".join([f"{lecture}: alt text says what a figure shows, in a sentence, unlike:", *short])


def test_headings_go_down_one_level_at_a_time(any_page: str) -> None:
    headings = tree(any_page).find_all(re.compile("^h[1-6]$"))
    levels = [int(heading.name[1]) for heading in headings]
    skips = [
        f"<{above.name}> {words(above)!r} is followed by <{below.name}> {words(below)!r}"
        for above, below in pairwise(headings)
        if int(below.name[1]) > int(above.name[1]) + 1
    ]
    assert not skips, "\n".join([any_page, *skips])
    assert levels[:1] == [1], f"{any_page} begins with {headings[:1]}, not with <h1>"
    assert levels.count(1) == 1 or kind(any_page) == "deck", f"{any_page} has {levels.count(1)} headings <h1>, not one"


def test_no_id_is_there_twice(any_page: str) -> None:
    twice = [name for name, times in Counter(ids(any_page)).items() if times > 1]
    assert not twice, f"{any_page} has more than one element with the ids {twice}"


def test_nothing_is_left_that_should_have_been_replaced(any_page: str) -> None:
    page = tree(any_page)
    prose, everything = words(page.body, "code", "pre"), words(page.body)
    left = [f"...{text[max(at - 60, 0) : at + 60]}..." for text, at in found_in(prose, everything)]
    assert not left, "\n".join([f"{any_page} shows what was meant to be replaced:", *left])
    untypeset = [str(formula)[:200] for formula in page.select(".arithmatex, .katex-error")]
    assert not untypeset, "\n".join([f"{any_page} shows formulas that are not typeset:", *untypeset])


def found_in(prose: str, everything: str) -> list[tuple[str, int]]:
    """Find leftovers in the prose, and those that should not even be in code."""
    places = [(prose, prose.find(left)) for left in LEFTOVERS]
    places.append((everything, everything.find("--8<--")))
    return [(text, at) for text, at in places if at >= 0]


def test_a_page_describes_itself(any_page: str) -> None:
    page = tree(any_page)
    description = page.find("meta", attrs={"name": "description"})
    assert description, f"{any_page} has no meta description"
    assert len(str(description["content"]).split()) >= 5, f"{any_page}: this describes nothing: {description}"
    assert page.title, f"{any_page} has no title"
    assert words(page.title), f"{any_page} has an empty title"
    assert page.html.get("lang") == "en"


def test_a_lecture_ends_with_the_stamp_of_the_run_that_it_shows(lecture: str) -> None:
    stamp = json.loads((ROOT / "docs" / f"{lecture[1:]}outputs" / "stamp.json").read_text(encoding="utf-8"))
    stamps = tree(lecture).select("article .stamp")
    assert len(stamps) == 1, f"{lecture} has {len(stamps)} stamps, not one"
    text = words(stamps[0])
    shown = [f"torch {stamp['torch']}", f"Python {stamp['python']}", f"{stamp['seconds']} seconds"]
    shown += [f"device {stamp['device']}", f"seed {stamp['seed']}"]
    missing = [part for part in shown if part not in text]
    assert not missing, f"{lecture}: the stamp {text!r} does not say {missing}"
    assert words(tree(lecture).article).endswith(text), f"{lecture} goes on after its stamp"


def test_a_formula_in_a_page_is_typeset_and_can_be_heard(any_page: str) -> None:
    formulas = tree(any_page).select(".katex")
    mute = [str(formula)[:200] for formula in formulas if not formula.find("math")]
    assert not mute, "\n".join([f"{any_page}: formulas without MathML:", *mute])
    style = [link for link in tree(any_page).find_all("link", rel="stylesheet") if "katex" in str(link["href"])]
    assert bool(formulas) <= bool(style), f"{any_page} has formulas but not the style sheet of KaTeX"


def test_the_parts_of_a_formula_are_as_many_as_mathml_wants(any_page: str) -> None:
    wanted = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
    wrong = [
        str(part)[:200]
        for part in tree(any_page).find_all(list(wanted))
        if len(part.find_all(True, recursive=False)) != wanted[part.name]
    ]
    assert not wrong, "\n".join([f"{any_page}: formulas with too few parts, or too many:", *wrong])


@pytest.mark.parametrize("page", addresses("lecture", "deck"))
def test_a_lecture_has_formulas_and_drawings(page: str) -> None:
    assert tree(page).select(".katex"), f"{page} has no formula"
    assert tree(page).select("svg.figure, img"), f"{page} has no picture"
