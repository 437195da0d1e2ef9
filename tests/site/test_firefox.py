"""The site in Firefox, from a server and from files: keys, speaker view, print, search, copy, figures and formulas."""

import json
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.site.built import addresses, tree
from tests.site.firefox import Firefox, Tab
from tests.site.test_decks import HERE, OVER, TOLD, plain
from tests.site.test_demos import LINES, ONE

READY = "document.querySelector('.slides.ready') !== null"
DRAWN = """[...document.querySelectorAll("article svg.figure")].filter(box => box.checkVisibility()).map(drawing => {
  const { width, height } = drawing.getBoundingClientRect();
  const box = drawing.closest("article").getBoundingClientRect();
  const ink = getComputedStyle(drawing.querySelector("text") ?? drawing).fill;
  return { width, height, fits: width <= box.width + 1, ink };
})"""
FORMULAS = """document.fonts.ready.then(() => ({
  fonts: [...document.fonts].filter(font => font.status === "loaded").map(font => font.family.replaceAll('"', "")),
  doubled: [...document.querySelectorAll(".katex-mathml")].filter(box => box.getBoundingClientRect().width > 1).length,
  drawn: [...document.querySelectorAll(".katex-html")].filter(box => box.getBoundingClientRect().width > 1).length,
}))"""


@pytest.fixture(params=["from a server", "from files"])
def place(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Where the course is, and what is to be added to the address of a folder there."""
    if request.param == "from files":
        return request.getfixturevalue("stick").as_uri(), "index.html"
    return request.getfixturevalue("host"), ""


@pytest.fixture
def opened(firefox: Firefox, place: tuple[str, str]) -> Iterator[Callable[..., Tab]]:
    """Open a page in a tab: `opened("/", "?read", width=390)`; nothing may go wrong behind it, nor ask elsewhere."""
    root, added = place
    first, *_ = firefox.tabs()

    def open_page(address: str, asks: str = "", **size: int) -> Tab:
        tab = Tab(firefox, **size)
        tab.go(f"{root}{address}{added}{asks}")
        return tab

    yield open_page
    for name in reversed(firefox.tabs()):  # a speaker view before its deck
        if name != first:
            firefox.tell("browsingContext.close", context=name)
    happened, firefox.events = firefox.events, []
    faults = []
    for event in happened:
        told = event["params"]
        url = told.get("request", {}).get("url", root)
        if url.endswith("/favicon.ico"):
            continue  # Firefox asks for it by itself, for a window that names no icon: the speaker view
        if told.get("text", "").startswith("Invalid markup: Incorrect number of children"):
            continue  # it says so of a formula half of which has arrived; test_content counts them in whole pages
        if event["method"] == "log.entryAdded" and told["level"] == "error":
            faults.append(told["text"])
        elif not url.startswith((f"{root}", "data:", "about:", "blob:")):
            faults.append(f"asks for {url}")
        elif told.get("response", {}).get("status", 200) >= 400:
            faults.append(f"answer {told['response']['status']} for {url}")
    assert not faults, "\n".join(faults)


@pytest.fixture
def presented(opened: Callable[..., Tab]) -> Tab:
    """A deck, ready to present."""
    tab = opened(addresses("deck")[0])
    tab.wait_for(READY)
    return tab


def test_the_right_arrow_leads_through_every_slide_and_the_left_one_back(presented: Tab) -> None:
    slides = presented.evaluate("Reveal.getSlides().length")
    shown = "[Reveal.getSlides().indexOf(Reveal.getCurrentSlide()), Reveal.getIndices().f]"
    for key, last in (("ArrowRight", slides - 1), ("ArrowLeft", 0)):
        went = [presented.evaluate(shown)]
        while len(went) < 500:
            presented.press(key)
            if (here := presented.evaluate(shown)) == went[-1]:
                break
            went.append(here)
        assert {slide for slide, _ in went} == set(range(slides))
        assert went[-1][0] == last


def test_keys_do_what_the_list_of_keys_says(presented: Tab) -> None:
    presented.press("?")
    assert presented.evaluate("document.querySelector('dialog.deck-keys').open")
    presented.press("Escape")
    assert not presented.evaluate("document.querySelector('dialog.deck-keys').open")
    for key, state in (
        ("o", "Reveal.isOverview()"),
        ("b", "Reveal.isPaused()"),
        ("l", "document.documentElement.classList.contains('pointing')"),
    ):
        for on in (True, False):
            presented.press(key)
            assert presented.evaluate(state) is on, f"{key}: {state} is not {on}"
    for key, end in (("End", True), ("Home", False)):
        presented.press(key)
        assert presented.evaluate("Reveal.isLastSlide()") is end


@pytest.mark.parametrize("name", ["palette", "next", "previous"])
def test_a_space_turns_the_slide_after_a_click_on_the_bar(name: str, presented: Tab) -> None:
    presented.click(f"[data-do={name}]")
    before, paint = presented.evaluate(HERE), presented.evaluate("document.body.dataset.mdColorScheme")
    presented.press("Space")
    assert presented.evaluate(HERE) != before
    assert presented.evaluate("document.body.dataset.mdColorScheme") == paint


def test_the_speaker_view_shows_notes_and_both_slides_and_turns_them(presented: Tab, firefox: Firefox) -> None:
    before = set(firefox.tabs())
    presented.press("s")
    while not (new := set(firefox.tabs()) - before):
        presented.wait_for("true")
    speaker = Tab(firefox, new.pop())
    speaker.wait_for("getComputedStyle(document.body).backgroundColor === 'rgb(18, 21, 29)'")
    ready = READY.replace("document", "frame.contentDocument")
    speaker.wait_for(f"[...document.querySelectorAll('iframe')].filter(frame => {ready}).length === 2")
    for window, key in ((presented, "ArrowRight"), (speaker, "ArrowRight"), (speaker, "ArrowLeft")):
        here = presented.evaluate(HERE)
        window.press(key)
        presented.wait_for(f"JSON.stringify({HERE}) !== JSON.stringify({json.dumps(here)})")
        note = plain(presented.evaluate("Reveal.getCurrentSlide().querySelector('aside.notes').textContent"))
        speaker.wait_for(f"({TOLD})({json.dumps(note)})")
        time.sleep(0.5)  # the windows tell each other where they are; a person is not faster


def test_a_deck_prints_a_page_for_each_slide_and_nothing_is_cut(opened: Callable[..., Tab]) -> None:
    tab = opened(addresses("deck")[0], "?print-pdf")
    tab.wait_for(f"{READY} && document.querySelector('.pdf-page') !== null")
    assert tab.evaluate("deckOverflow()") == []
    pages = PdfReader(BytesIO(tab.pdf(1280, 720))).pages
    assert len(pages) == tab.evaluate("Reveal.getTotalSlides()") > 10
    assert {tuple(round(float(end)) for end in page.mediabox[2:]) for page in pages} == {(960, 540)}
    bare = [number for number, page in enumerate(pages, 1) if len(page.get_contents().get_data()) < 1000]
    assert not bare, f"nothing is drawn on pages {bare}"


@pytest.mark.parametrize("place", ["from a server"], indirect=True)
def test_every_slide_keeps_to_its_frame(deck: str, opened: Callable[..., Tab]) -> None:
    tab = opened(deck)
    tab.wait_for(READY)
    tab.evaluate(
        "Promise.allSettled([...document.fonts].map(font => font.load())).then(() => 1)"
    )  # ready may be so too early
    assert tab.evaluate(f"({OVER})()") == []


def test_search_opens_with_a_key_and_a_result_with_enter(opened: Callable[..., Tab]) -> None:
    tab = opened("/", width=1350)
    tab.press("/")
    tab.wait_for("document.activeElement.name === 'query'")
    tab.press(*"perceptron")
    links = "[...document.querySelectorAll('.md-search-result__link')].map(link => link.href)"
    assert any("/lectures/perceptron/" in link for link in tab.wait_for(f"({links}).length && {links}"))
    tab.press("Enter")
    tab.wait_for("location.pathname.length > 1 && location.search.startsWith('?h=')")
    tab.wait_for("document.querySelector('article mark') !== null")


def test_the_copy_button_copies_the_code_exactly(opened: Callable[..., Tab]) -> None:
    tab = opened(addresses("lecture")[0], width=1350)
    button = "[...document.querySelectorAll('.md-code__button')].find(button => button.checkVisibility())"
    shown = tab.wait_for(f"{button} && {button}.closest('.highlight').querySelector('code').textContent")
    tab.click(".highlight .md-code__button")
    tab.evaluate("document.body.prepend(Object.assign(document.createElement('textarea'), { id: 'taken' }))")
    tab.click("#taken")
    tab.press("Control+v")
    assert tab.wait_for("document.getElementById('taken').value").rstrip() == shown.rstrip()


def test_figures_are_drawn_and_follow_the_palette(opened: Callable[..., Tab]) -> None:
    tab = opened(addresses("lecture")[0], width=1350)
    drawn = tab.evaluate(DRAWN)
    assert drawn
    assert all(drawing["fits"] and drawing["width"] > 100 and drawing["height"] > 40 for drawing in drawn), drawn
    paint = tab.evaluate("document.body.dataset.mdColorScheme")
    tab.click("form[data-md-component=palette] label")
    tab.wait_for(f"document.body.dataset.mdColorScheme !== '{paint}'")
    changed = [before["ink"] != after["ink"] for before, after in zip(drawn, tab.evaluate(DRAWN), strict=True)]
    assert any(changed), f"no figure changes its ink with the palette: {drawn}"


@pytest.mark.parametrize("kind", ["lecture", "deck", "lab"])
def test_formulas_are_drawn_once_and_in_their_fonts(kind: str, opened: Callable[..., Tab]) -> None:
    page = next(page for page in addresses(kind) if tree(page).select("article .katex, .slides .katex"))
    tab = opened(page, "?read" if kind == "deck" else "")
    seen = tab.evaluate(FORMULAS)
    assert {"Source Sans 3", "KaTeX_Main", "KaTeX_Math"} <= set(seen["fonts"])
    assert seen["drawn"] > 0
    assert seen["doubled"] == 0


def demo(name: str, opened: Callable[..., Tab]) -> tuple[Tab, str]:
    """A page with the demo `name` in the window and at work, and how a script calls its inside."""
    page = next(page for page in addresses("lecture") if tree(page).select(name))
    tab, inside = opened(page, width=1350, height=1000), f"document.querySelector('{name}').shadowRoot"
    tab.evaluate(f"document.querySelector('{name}').scrollIntoView({{ block: 'center', behavior: 'instant' }}) ?? 1")
    tab.wait_for(f"customElements.get('{name}') !== undefined")
    time.sleep(1)  # Firefox drops a click in the first second of a file's page
    return tab, inside


def test_a_digit_is_drawn_with_the_mouse_and_read(opened: Callable[..., Tab]) -> None:
    tab, inside = demo("draw-digit", opened)
    box = tab.evaluate(f"{inside}.querySelector('.pad').getBoundingClientRect()")
    for digit, way in ONE.items():
        tab.drag(*[(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in way])
        tab.wait_for(f"{inside}.querySelector('output').textContent.startsWith('A {digit}, with probability')")
        tab.evaluate(f"{inside}.querySelector('.clear').click() ?? 1")
        tab.wait_for(f"{inside}.querySelector('output').textContent === ''")


def test_two_heads_learn_what_is_drawn_and_what_is_ready_made(opened: Callable[..., Tab]) -> None:
    tab, inside = demo("linear-probe", opened)
    box = tab.evaluate(f"{inside}.querySelector('.pad').getBoundingClientRect()")
    said = f"{inside}.querySelector('output').textContent"
    for letter, what in (("A", "square"), ("B", "1"), ("", "square")):
        way = LINES[what]
        tab.drag(*[(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in way])
        if letter:
            tab.evaluate(f"{inside}.querySelector('[aria-label=\"Add to class {letter}\"]').click() ?? 1")
            tab.wait_for(f"{inside}.querySelector('[aria-label$=\"of class {letter}\"] button') !== null")
    tab.wait_for(f"{said}.startsWith('Features say A (')")
    for value in ("forget", "take"):
        tab.evaluate(f"{inside}.querySelector('[data-do={value}]').click() ?? 1")
    tab.wait_for(f"{said}.startsWith('Test images right: features ')")


def test_a_network_is_built_with_keys(opened: Callable[..., Tab]) -> None:
    tab, inside = demo("network-builder", opened)
    said, named = f"{inside}.querySelector('[role=status], output').textContent", "button => button.textContent.trim()"
    for name in ("nothing", "Convolution", "Pooling", "Linear"):
        tab.evaluate(f"[...{inside}.querySelectorAll('button')].find(button => ({named})(button) === '{name}').focus()")
        tab.press("Enter")
    assert tab.wait_for(f"{said}.startsWith('Block 3 is new. 3 blocks, ') && {said}")


def test_a_stick_needs_no_server_for_its_links(firefox: Firefox, stick: Path) -> None:
    tab = Tab(firefox, width=1350)
    tab.go((stick / "index.html").as_uri())
    for link, there in (
        ("main a.md-button[href*=lectures]", "lecture-bar"),
        (".lecture-bar a[href*=slides]", "ready"),
    ):
        # by script: Firefox drops a real click in the first second of a file's page
        tab.evaluate(f"document.querySelector('{link}').click() ?? 1")
        tab.wait_for(f"document.querySelector('.{there}') !== null")
    tab.tell("close")
