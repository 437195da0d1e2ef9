"""The course from a stick: its zip, unpacked, opened as files in Chromium with the network cut."""

import re
from collections.abc import Callable
from html import unescape
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from pypdf import PdfReader

from tests.site.built import addresses, tree
from tests.site.test_decks import HERE, SLIDES, TOLD, plain
from tests.site.test_demos import RIGHT, come, on, reads, says, stroke, teach
from tests.site.test_search import found
from tests.site.visits import READY, Visit

IN_FONT = "family => [...document.fonts].some(font => font.family.includes(family) && font.status === 'loaded')"


@pytest.fixture(scope="module")
def host(stick: Path) -> str:
    """The address of the unpacked course, in place of a server's."""
    return stick.as_uri()


@pytest.fixture
def opened(visit: Callable[..., Visit]) -> Callable[..., Visit]:
    """Open a page of the course as a file, with the network cut: `opened("/", "?read")`."""

    def opened(address: str, asks: str = "", **how: object) -> Visit:
        return visit(f"{address}index.html{asks}", offline=True, **how)

    return opened


def quiet(seen: Visit) -> None:
    """Nothing went wrong, and nothing but files was asked for, in this window and those that it opened."""
    assert not seen.faults, "\n".join([str(seen), *seen.faults])
    foreign = {url for url in asked_for(seen.context) if not url.startswith((seen.host, "about:", "data:"))}
    assert not foreign, f"{seen}: {foreign}"


def asked_for(context: BrowserContext) -> list[str]:
    """List what every open page of a window has loaded."""
    names = "performance.getEntriesByType('resource').map(entry => entry.name)"
    return [url for page in context.pages for url in [page.url, *page.evaluate(names)]]


def test_every_link_leads_to_a_file(stick: Path) -> None:
    dead = []
    for page in stick.rglob("*.html"):
        for href in re.findall(r'<a\b[^>]*?\shref="([^"]*)"', page.read_text(encoding="utf-8")):
            link = urlsplit(unescape(href))
            if not (link.scheme or link.netloc) and not (page.parent / unquote(link.path or page.name)).is_file():
                dead.append(f"{page.relative_to(stick)}: {href}")
    assert not dead, "\n".join(dead[:20])


def test_no_page_needs_what_a_browser_refuses_to_files(stick: Path) -> None:
    pages = {page: page.read_text(encoding="utf-8") for page in stick.rglob("*.html")}
    refused = re.compile(r'<script\b[^>]*type="module"[^>]*\ssrc=|\scrossorigin\b|<link\b[^>]*rel="modulepreload"')
    needed = [f"{page.relative_to(stick)}: {part}" for page, html in pages.items() for part in refused.findall(html)]
    assert not needed, "\n".join(needed)


def test_the_zip_holds_every_page_and_says_what_to_do_with_it(stick: Path) -> None:
    pages = {f"{address}index.html" for address in addresses() if address != "/404.html"}
    assert pages == {f"/{page.relative_to(stick).as_posix()}" for page in stick.rglob("*.html")}
    assert "index.html" in (stick / "README.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["page", "lecture", "lab", "deck"])
def test_a_page_opens_with_its_fonts_and_formulas(kind: str, opened: Callable[..., Visit]) -> None:
    seen = opened(next(page for page in addresses(kind) if tree(page).select("main .katex, .slides .katex")))
    assert seen.page.evaluate(IN_FONT, "Source Sans 3")
    assert seen.page.evaluate(IN_FONT, "KaTeX_Math")
    client = seen.context.new_cdp_session(seen.page)
    client.send("DOM.enable")
    client.send("CSS.enable")
    root = client.send("DOM.getDocument")["root"]["nodeId"]
    head = client.send("DOM.querySelector", {"nodeId": root, "selector": "h1"})["nodeId"]
    drawn = client.send("CSS.getPlatformFontsForNode", {"nodeId": head})["fonts"]
    assert [font["isCustomFont"] for font in drawn] == [True], f"{seen}: its heading is drawn with {drawn}"
    quiet(seen)


def test_links_lead_from_page_to_page(opened: Callable[..., Visit]) -> None:
    seen = opened("/")
    lecture = addresses("lecture")[0]
    seen.page.locator(f'main a[href="{lecture[1:]}index.html"]:visible').first.click()
    for name, address in (("Present", "slides/"), ("Read", ""), ("Lab", "lab/"), ("Read", "")):
        seen.page.get_by_role("link", name=re.compile(f"^{name}")).first.click()
        seen.page.wait_for_url(f"{seen.host}{lecture}{address}index.html*")
    seen.page.locator("a.md-logo:visible, a.md-header__button.md-logo").first.click()
    seen.page.wait_for_url(f"{seen.host}/index.html")
    quiet(seen)


def test_search_answers_and_leads_to_the_place(opened: Callable[..., Visit]) -> None:
    seen = opened("/")
    seen.page.keyboard.press("/")
    assert any(page.endswith("/lectures/perceptron/index.html") for page in found(seen.page, "perceptron"))
    deep = seen.page.locator('.md-search-result__link[href*="/perceptron/index.html"][href*="#"]').first
    target = deep.get_attribute("href") or ""
    deep.click(force=True)
    seen.page.wait_for_url(target)
    assert seen.page.evaluate("document.getElementById(decodeURIComponent(location.hash.slice(1))) !== null")
    quiet(seen)


@on("draw-digit", where=("lecture", "page", "deck"))
def test_a_digit_can_be_drawn_and_an_image_of_mnist_be_read(name: str, page: str, opened: Callable[..., Visit]) -> None:
    seen = opened(page, "?read")
    demo = come(seen, name)
    stroke(seen, demo, "1")
    reads(demo, "1")
    demo.get_by_role("button", name="An image of 0").click()
    reads(demo, "0")
    quiet(seen)


@on("linear-probe", where=("lecture", "page", "deck"))
def test_classes_of_the_readers_own_and_ready_made_ones_are_learned(
    name: str, page: str, opened: Callable[..., Visit]
) -> None:
    seen = opened(page, "?read")
    demo = come(seen, name)
    teach(seen, demo)
    stroke(seen, demo, "square")
    says(demo, "A")
    demo.get_by_role("button", name="Reset").click()
    demo.get_by_role("button", name="3, 5, 8").click()
    expect(demo.get_by_role("status")).to_have_text(re.compile(RIGHT.pattern))
    quiet(seen)


@pytest.fixture
def presented(opened: Callable[..., Visit]) -> Visit:
    """A deck, ready to present."""
    return opened(addresses("deck")[0], width=1280)


def test_a_deck_is_presented_and_loaded_again_where_it_was(presented: Visit) -> None:
    for key in ("ArrowRight", "Space", "PageDown"):
        presented.page.keyboard.press(key)
    here = presented.page.evaluate(HERE)[:2]
    presented.page.wait_for_function("location.hash.includes(Reveal.getCurrentSlide().id)")
    presented.page.reload()
    presented.page.locator(READY).wait_for()
    assert presented.page.evaluate(HERE)[:2] == here
    quiet(presented)


def test_the_speaker_view_shows_notes_and_both_slides_and_turns_them(presented: Visit) -> None:
    page = presented.page
    with page.expect_popup() as opening:
        page.keyboard.press("s")
    speaker: Page = opening.value
    speaker.wait_for_function("getComputedStyle(document.body).backgroundColor === 'rgb(18, 21, 29)'")
    for window, key in ((page, "ArrowRight"), (speaker, "ArrowRight"), (speaker, "ArrowLeft")):
        before = page.evaluate(HERE)
        window.bring_to_front()
        window.keyboard.press(key)
        page.wait_for_function(f"before => String({HERE}) !== String(before)", arg=before)
        note = page.evaluate("Reveal.getCurrentSlide().querySelector('aside.notes').textContent")
        speaker.wait_for_function(TOLD, arg=plain(note))
    slides = [frame for frame in speaker.frames if "receiver" in frame.url]
    assert len(slides) == 2
    assert all(frame.locator(READY).is_visible() for frame in slides)
    quiet(presented)


def test_a_deck_prints_a_page_for_each_slide(opened: Callable[..., Visit]) -> None:
    seen = opened(addresses("deck")[0], "?print-pdf", width=1280)
    seen.page.locator(f"{READY} .pdf-page").first.wait_for()
    printed = seen.page.pdf(prefer_css_page_size=True, print_background=True)
    slides = seen.page.locator(".slides section:not(.stack)").count()
    assert len(PdfReader(BytesIO(printed)).pages) == slides > 10
    assert seen.page.evaluate("deckOverflow()") == []
    assert not seen.page.locator('.slides a[href^="file:"]').count(), "on paper, a file of this machine means nothing"
    quiet(seen)


def test_buttons_print_a_deck_and_leaf_between_slides_and_page(presented: Visit) -> None:
    page = presented.page
    slides = len(page.evaluate(SLIDES))
    with page.expect_popup() as opening:
        page.locator("[data-do=print]").click()
    opening.value.locator(f"{READY} .pdf-page").first.wait_for()
    assert opening.value.locator(".pdf-page").count() == slides
    opening.value.close()
    for mode in ("page", "slides"):
        page.locator("[data-do=read]").click()
        page.wait_for_function("mode => document.documentElement.dataset.deck === mode", arg=mode)
        page.locator(READY).wait_for()
    quiet(presented)


def test_the_palette_goes_along_from_deck_to_page(presented: Visit) -> None:
    presented.page.locator("[data-do=palette]").click()
    presented.page.get_by_role("link", name=re.compile("^Read")).first.click()
    presented.page.wait_for_function("document.body.dataset.mdColorScheme === 'slate'")
