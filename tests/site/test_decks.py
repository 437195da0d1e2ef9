"""Each deck in Chromium: presented by keyboard, read on a phone or without scripts, and every slide in its frame."""

import re
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import takewhile
from typing import Any

import pytest
from bs4 import Tag
from playwright.sync_api import Browser, Frame, Page, Route, expect
from pypdf import PdfReader

from tests.site.built import addresses, inside, tree, words
from tests.site.visits import READY, Visit

PATIENCE = 15_000  # milliseconds: machines that test are busy
PAINT = "document.body.dataset.mdColorScheme"
HERE = "Object.values(Reveal.getIndices())"
SLIDES = """() => Reveal.getSlides().map(slide => ({
  heading: slide.querySelector("h1, h2, h3, h4")?.innerText?.replace(/¶$/, "").trim() ?? "",
  notes: [...slide.querySelectorAll("aside.notes")].map(notes => notes.textContent.trim()).join(" ") }))"""
SPILLS = """() => Reveal.getSlides().flatMap((slide, number) => {
  const { h, v } = Reveal.getIndices(slide);
  Reveal.slide(h, v, 99);
  const frame = document.querySelector(".slides").getBoundingClientRect(), scale = Reveal.getScale();
  const unseen = "aside.notes, .katex-mathml, script, style, button, title, desc";
  const spills = [], name = slide.querySelector("h1, h2, h3, h4")?.innerText ?? slide.innerText.slice(0, 40);
  const look = (box, what) => {
    const [left, top] = [(box.left - frame.left) / scale, (box.top - frame.top) / scale];
    const [right, bottom] = [left + box.width / scale, top + box.height / scale];
    if (box.width && box.height && (left < -1 || top < -1 || right > 1281 || bottom > 721)) spills.push(
      `${what}: ${Math.round(left)} to ${Math.round(right)} of 1280 across, `
      + `${Math.round(top)} to ${Math.round(bottom)} of 720 down`);
  };
  const texts = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT), range = document.createRange();
  while (texts.nextNode()) {
    if (!texts.currentNode.data.trim() || texts.currentNode.parentElement.closest(unseen)) continue;
    range.selectNodeContents(texts.currentNode);
    for (const box of range.getClientRects()) look(box, texts.currentNode.data.trim().slice(0, 60));
  }
  for (const part of slide.querySelectorAll("svg, img, pre, table, .admonition"))
    if (!part.closest(unseen)) look(part.getBoundingClientRect(), part.outerHTML.slice(0, 60));
  for (const part of slide.querySelectorAll("*")) {
    const { overflowX: across, overflowY: down } = getComputedStyle(part);
    if (!(part instanceof HTMLElement) || part.closest(unseen) || part.closest(".katex") || !part.clientWidth) continue;
    if (across !== "visible" && part.scrollWidth > part.clientWidth + 1
      || down !== "visible" && part.scrollHeight > part.clientHeight + 1)
      spills.push(`cut off or scrolled: ${part.scrollWidth} x ${part.scrollHeight} px of content in `
        + `${part.clientWidth} x ${part.clientHeight} px: ${part.outerHTML.slice(0, 100)}`);
  }
  return [...new Set(spills)].slice(0, 3).map(spill => `slide ${number + 1}, ${name}: ${spill}`);
})"""

OVER = """() => Reveal.getSlides().flatMap(slide => {
  const { h, v } = Reveal.getIndices(slide);
  Reveal.slide(h, v, 99);
  return deckOverflow();
})"""
BARE = """() => Reveal.getSlides().map(slide => {
  const { h, v } = Reveal.getIndices(slide);
  Reveal.slide(h, v, 99);
  const frame = document.querySelector(".slides").getBoundingClientRect(), scale = Reveal.getScale();
  const unseen = "aside.notes, .katex-mathml, script, style, button, title, desc", range = document.createRange();
  const texts = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT), boxes = [];
  while (texts.nextNode()) {
    if (!texts.currentNode.data.trim() || texts.currentNode.parentElement.closest(unseen)) continue;
    range.selectNodeContents(texts.currentNode);
    boxes.push(...range.getClientRects());
  }
  const shown = [...slide.querySelectorAll("svg, img, pre, table, .demo")]
    .filter(part => !part.closest(`${unseen}, .katex`));
  boxes.push(...shown.map(part => part.getBoundingClientRect()));
  return {
    name: slide.querySelector("h1, h2, h3")?.innerText.replace("¶", "").trim() ?? slide.innerText.slice(0, 40),
    picture: shown.some(part => part.matches("svg, img, .demo") && part.getBoundingClientRect().height > 60),
    short: !slide.matches(".title, .statement"),
    down: Math.max(...boxes.filter(box => box.height).map(box => (box.bottom - frame.top) / scale / 720)),
  };
})"""
LOOK = """block => [...block.querySelectorAll("code > span")].map(line => getComputedStyle(line))
  .map(({ opacity, color, backgroundColor, boxShadow }) => [opacity, color, backgroundColor, boxShadow]).join()"""
NOW = """() => {
  const slide = Reveal.getCurrentSlide(), around = box => box ? [box, ...around(box.parentElement)] : [];
  const moved = around(slide).filter(box => box.scrollTop || box.scrollLeft);
  return [slide.innerText.replace(/\\s|¶/g, ""), moved.map(box => `${box.tagName}.${box.className}`)];
}"""
TOLD = """note => document.querySelector(".speaker-controls-notes .value")
  ?.textContent.replace(/\\s|¶/g, "").includes(note)"""

UNFOLDS = {  # the slide whose figure unfolds
    "/lectures/perceptron/slides/": "xor-four-points-defeat-it",
    "/lectures/learning/slides/": "who-is-who",
}
PARTS = """heading => {
  const within = document.getElementById(heading)?.closest("section") ?? document;
  const there = { opacityProperty: true, visibilityProperty: true };
  return [...within.querySelectorAll("[data-step]")].map(part => [+part.dataset.step, part.checkVisibility(there)]);
}"""


@pytest.fixture
def shown(deck: str, visit: Callable[..., Visit]) -> Iterator[Page]:
    """A deck on a projector, ready to present; nothing may go wrong behind it."""
    seen = visit(deck, width=1280)
    yield seen.page
    assert not seen.faults, "\n".join([str(seen), *seen.faults])


def places(page: Page, key: str) -> list[list[Any]]:
    """Press a key until nothing moves any more; return the place of every step on the way, the first included."""
    went = [page.evaluate(HERE)]
    while len(went) < 500:
        page.keyboard.press(key)
        here = page.evaluate(HERE)
        if here == went[-1]:
            return went
        went.append(here)
    raise AssertionError(f"{key} does not come to an end in {page.url}")


def texts(deck: str) -> list[str]:
    """List the headings, paragraphs and list items of a deck as it is on the disk, formulas and marks left out."""
    parts = tree(deck).select(".slides :is(h1, h2, h3, p, li)")
    plain = (part for part in parts if not part.find(["p", "li", "svg"]) and not part.select(".katex"))
    found = [words(part).removesuffix("¶").strip() for part in plain]
    return [text for text in found if len(text) > 3 and not text.startswith("Note:")]


def plain(text: str) -> str:
    """Leave out what browsers and trees may set differently: spaces."""
    return re.sub(r"\s+|¶", "", text)


def first_words(head: Tag) -> str:
    """Return the words of a heading up to its first formula."""
    strings = (t for t in head.find_all(string=True) if not t.find_parent(class_="headerlink"))
    return "".join(takewhile(lambda text: not text.find_parent(class_="katex"), strings))


def test_a_deck_has_15_to_30_slides_with_notes_and_steps_and_each_fits_its_frame(shown: Page, deck: str) -> None:
    slides = shown.evaluate(SLIDES)
    assert 15 <= len(slides) <= 30, f"{deck} has {len(slides)} slides"
    mute = [f"{number}, {s['heading']}" for number, s in enumerate(slides, 1) if number > 1 and not s["notes"]]
    assert not mute, f"{deck} has slides without notes: {mute}"
    unnamed = [number for number, slide in enumerate(slides, 1) if not slide["heading"]]
    assert not unnamed, f"{deck} has slides without a heading: {unnamed}"
    assert shown.locator(".slides .fragment").count() > 0, f"{deck} has no steps"
    spills = shown.evaluate(SPILLS)
    assert not spills, "\n".join([f"{deck}: what does not fit 1280 x 720:", *spills])
    over = shown.evaluate(OVER)
    assert not over, "\n".join([f"{deck}, on screen:", *over])


def test_a_deck_prints_a_page_for_each_slide_and_each_fits(deck: str, visit: Callable[..., Visit]) -> None:
    seen = visit(f"{deck}?print-pdf", width=1280)
    seen.page.locator(".slides.ready .pdf-page").first.wait_for()
    over = seen.page.evaluate("deckOverflow()")
    assert not over, "\n".join([f"{deck}, in print:", *over])
    slides = seen.page.locator(".slides section:not(.stack)").count()
    assert seen.page.locator(".pdf-page").count() == slides
    assert not seen.faults, "\n".join(seen.faults)


@pytest.mark.one
def test_the_browsers_own_print_gives_the_slides_a_page_each(shown: Page, deck: str) -> None:
    shown.keyboard.press("ArrowRight")
    slides = shown.evaluate("Reveal.getSlides().map(slide => slide.querySelector('h1, h2, h3').innerText)")
    sheets = PdfReader(BytesIO(shown.pdf(prefer_css_page_size=True, print_background=True))).pages
    assert len(sheets) == len(slides), f"{deck}: {len(slides)} slides give {len(sheets)} pages"
    for head, sheet in zip(slides, sheets, strict=True):
        text = re.sub(r"\W", "", sheet.extract_text())
        assert re.sub(r"\W", "", head.splitlines()[0])[:12] in text, f"{deck}: the page of {head!r} says {text[:60]!r}"
        assert sheet.mediabox.width > sheet.mediabox.height


@pytest.mark.one
def test_a_deck_goes_forward_and_back_by_keyboard_through_every_slide_and_step(shown: Page, deck: str) -> None:
    forward = places(shown, "Space")
    back = places(shown, "ArrowLeft")
    slides = shown.evaluate("Reveal.getSlides().map(slide => Reveal.getIndices(slide)).map(({ h, v }) => [h, v ?? 0])")
    visited = list(dict.fromkeys((h, v) for h, v, *_ in forward))
    assert visited == [tuple(place) for place in slides], f"{deck}: Space leads through {visited}, not {slides}"
    steps = shown.evaluate("new Set([...document.querySelectorAll('.slides .fragment')]).size")
    assert steps > 0, f"{deck} has no steps"
    assert len(forward) > len(slides), f"{deck}: Space goes from slide to slide, past {steps} steps"
    assert back == forward[::-1], f"{deck}: the left arrow does not lead back the same way"
    assert places(shown, "ArrowRight") == forward, f"{deck}: the right arrow does not lead where Space does"
    assert places(shown, "PageUp") == back, f"{deck}: Page Up does not lead back the same way"
    shown.keyboard.press("End")
    assert shown.evaluate("Reveal.isLastSlide()"), f"{deck}: End does not lead to the last slide"
    shown.keyboard.press("Home")
    assert shown.evaluate(HERE) == forward[0]


def test_the_right_arrow_reaches_every_slide(shown: Page, deck: str) -> None:
    went = {(h, v) for h, v, *_ in places(shown, "ArrowRight")}
    slides = shown.evaluate("Reveal.getSlides().map(slide => Reveal.getIndices(slide)).map(({ h, v }) => [h, v ?? 0])")
    skipped = [place for place in slides if tuple(place) not in went]
    assert not skipped, f"{deck}: the right arrow skips {skipped}"


@pytest.mark.one
@pytest.mark.parametrize("name", ["palette", "full", "pointer", "read"])
def test_space_turns_the_slide_after_a_click_on_the_bar(name: str, shown: Page, deck: str) -> None:
    if name == "read":
        shown.evaluate("history.replaceState = location.assign = () => {}")  # what it does is not asked here
        shown.locator(".deck-bar__place [data-do=next]").click()
    else:
        shown.locator(f"[data-do={name}]").click()
    before, paint = shown.evaluate(HERE), shown.evaluate(PAINT)
    shown.keyboard.press("Space")
    assert shown.evaluate(HERE) != before, f"{deck}: after a click on {name}, Space does not turn the slide"
    assert shown.evaluate(PAINT) == paint
    assert shown.evaluate("document.fullscreenElement !== null") is (name == "full")


@pytest.mark.one
def test_a_key_presses_the_button_that_tab_has_reached(shown: Page, deck: str) -> None:
    shown.locator("[data-do=palette]").focus()
    before, paint = shown.evaluate(HERE), shown.evaluate(PAINT)
    shown.keyboard.press("Space")
    assert shown.evaluate(PAINT) != paint
    assert shown.evaluate(HERE) == before


@pytest.mark.one
def test_a_question_mark_tells_the_keys_and_no_key_turns_a_slide_behind_them(shown: Page, deck: str) -> None:
    dialog = shown.locator("dialog.deck-keys")
    assert not dialog.is_visible()
    shown.keyboard.press("?")
    assert dialog.is_visible()
    told = dialog.inner_text()
    assert all(words in told for words in ("next step or slide", "speaker view", "black screen", "red dot"))
    before = shown.evaluate(HERE)
    shown.keyboard.press("ArrowRight")
    assert shown.evaluate(HERE) == before
    shown.keyboard.press("Escape")
    assert not dialog.is_visible()
    shown.locator("[data-do=keys]").click()
    assert dialog.is_visible()
    dialog.get_by_role("button", name="Close").click()
    shown.keyboard.press("ArrowRight")
    assert shown.evaluate(HERE) != before


@pytest.mark.one
def test_a_dot_follows_the_mouse_once_l_is_pressed(shown: Page) -> None:
    dot = shown.locator(".deck-dot")
    assert not dot.is_visible()
    shown.mouse.move(300, 200)
    shown.keyboard.press("l")
    for x, y in ((300, 200), (640, 360)):
        shown.mouse.move(x, y)
        box = dot.bounding_box()
        assert box is not None
        assert (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) == pytest.approx((x, y), abs=1)
    shown.keyboard.press("l")
    assert not dot.is_visible()


def test_a_deck_keeps_to_the_minutes_that_its_first_note_says(shown: Page, deck: str) -> None:
    said = re.search(r"(\d+) minutes", shown.evaluate("document.querySelector('aside.notes').textContent"))
    assert said, f"{deck}: the first note does not say how many minutes the deck takes"
    assert shown.evaluate("Reveal.getConfig().totalTime") == 60 * int(said[1])


def test_a_deck_leads_to_its_lab(deck: str) -> None:
    lab = deck.replace("slides/", "lab/")
    if lab in addresses():
        assert [a for a in tree(deck).select(".deck-bar a") if inside(deck, str(a["href"])) == lab]


@pytest.mark.one
def test_code_on_slides_is_stepped_through_by_lines(shown: Page, deck: str) -> None:
    blocks = shown.locator(".slides [data-lines*='|']")
    for block in blocks.all():
        steps = block.get_attribute("data-lines").split("|")
        block.evaluate(
            "block => { const { h, v } = Reveal.getIndices(block.closest('section')); Reveal.slide(h, v, -1) }"
        )
        looks = []
        for _ in range(40):
            looks.append(block.evaluate(LOOK))
            before = shown.evaluate(HERE)[:2]
            shown.keyboard.press("Space")
            if shown.evaluate(HERE)[:2] != before:
                break
        assert len(set(looks)) >= len(set(steps)), (
            f"{deck}: code in {len(steps)} steps shows {len(set(looks))}: {steps}"
        )


def unfolded(page: Page | Frame, heading: str) -> int:
    """Up to which step the figure of a slide is there: each part of these steps, and none of a later one."""
    parts: list[list[int]] = page.evaluate(PARTS, heading)
    seen = max((number for number, visible in parts if visible), default=0)
    assert parts, f"{page.url}: the figure of {heading!r} has no steps"
    wrong = [number for number, visible in parts if visible != (number <= seen)]
    assert not wrong, f"{page.url}: step {seen} of {heading!r} shows or hides parts of {wrong}"
    return seen


@pytest.mark.parametrize("path", UNFOLDS)
def test_a_figure_unfolds_step_by_step(path: str, visit: Callable[..., Visit], host: str) -> None:
    heading = UNFOLDS[path]
    seen = visit(f"{path}#{heading}", width=1280)
    page = seen.page
    last = max(number for number, _ in page.evaluate(PARTS, heading))
    went = [unfolded(page, heading)]
    for key in ["ArrowRight"] * last + ["ArrowLeft"] * last:
        page.keyboard.press(key)
        went.append(unfolded(page, heading))
    assert went == [*range(last), *range(last, -1, -1)], f"{path}, forward and back"
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    for number, preview in enumerate(("current", "upcoming")):  # the speaker sees what comes
        frame = opened.value.wait_for_selector(f"#{preview}-slide iframe").content_frame()
        frame.wait_for_function(
            "place => window.Reveal?.isReady() && Reveal.getIndices().f === place", arg=number - 1, timeout=PATIENCE
        )
        assert unfolded(frame, heading) == number, f"{path}: the speaker's preview, {preview}"
    opened.value.close()
    page.keyboard.press("o")
    assert unfolded(page, heading) == last, f"{path}: the overview"
    page.keyboard.press("o")
    assert unfolded(page, heading) == 0
    page.emulate_media(media="print")
    assert unfolded(page, heading) == last, f"{path}: printed from the browser's own menu"
    page.emulate_media(media="screen")
    page.goto("about:blank")
    page.goto(f"{host}{path}#/{heading}/0")
    page.locator(READY).wait_for()
    assert unfolded(page, heading) == 1, f"{path}: a link to its first step"
    labels = [svg["aria-label"] for svg in tree(path).select(".slides svg.figure[role=img]")]
    drawn = page.locator(".slides svg.figure[role=img]")
    assert drawn.evaluate_all("all => all.map(svg => svg.getAttribute('aria-label'))") == labels
    assert not seen.faults, "\n".join(seen.faults)


@pytest.mark.one
def test_a_preview_that_comes_late_shows_what_comes_next(shown: Page, deck: str) -> None:
    def late(route: Route) -> None:
        time.sleep(2)
        route.continue_()

    shown.keyboard.press("ArrowRight")
    coming = shown.evaluate(HERE)
    shown.keyboard.press("ArrowLeft")
    shown.context.route(re.compile("receiver.*controls=false"), late)
    with shown.expect_popup() as opened:
        shown.keyboard.press("s")
    preview = opened.value.wait_for_selector("#upcoming-slide iframe").content_frame()
    assert preview
    there = f"coming => window.Reveal?.isReady() && String({HERE}) === String(coming)"
    preview.wait_for_function(there, arg=coming, timeout=PATIENCE)


@pytest.mark.parametrize("path", UNFOLDS)
@pytest.mark.parametrize("how", ["?print-pdf", "?read", "on an upright phone", "without scripts", "the page itself"])
def test_elsewhere_a_figure_that_unfolds_is_there_whole(path: str, how: str, visit: Callable[..., Visit]) -> None:
    view = path.removesuffix("slides/") if "page" in how else f"{path}{how}" if how.startswith("?") else path
    page = visit(view, width=390 if "phone" in how else 1280, java_script_enabled=how != "without scripts").page
    parts = page.evaluate(PARTS, "")
    assert parts, f"{view}: no figure has steps"
    assert all(visible for _, visible in parts), f"{view}, {how}, hides parts of a figure"


@pytest.mark.one
def test_the_address_names_the_slide_on_show(shown: Page, deck: str) -> None:
    shown.keyboard.press("ArrowRight")
    head = tree(deck).select(".slides h2[id]")[0]
    named = expect(shown, f"{deck}: the address does not name the slide {words(head)!r}")
    named.to_have_url(re.compile(f"#/{re.escape(str(head['id']))}$"), timeout=PATIENCE)


@pytest.mark.one
def test_o_opens_the_overview(shown: Page) -> None:
    shown.keyboard.press("o")
    assert shown.evaluate("Reveal.isOverview()")
    shown.keyboard.press("ArrowRight")
    shown.keyboard.press("o")
    assert not shown.evaluate("Reveal.isOverview()")
    assert shown.evaluate(HERE)[0] == 1


@pytest.mark.one
def test_s_opens_the_speaker_view_with_the_notes_of_the_slide(shown: Page, deck: str) -> None:
    shown.keyboard.press("ArrowRight")
    with shown.expect_popup() as opened:
        shown.keyboard.press("s")
    speaker = opened.value
    speaker.wait_for_function("getComputedStyle(document.body).backgroundColor === 'rgb(18, 21, 29)'")  # in our colours
    expect(speaker.locator(".pacing")).to_be_visible(timeout=PATIENCE)  # against the minutes that the deck takes
    for key in ("", "ArrowRight"):
        if key:
            shown.keyboard.press(key)
        note = shown.evaluate("Reveal.getCurrentSlide().querySelector('aside.notes')?.textContent ?? ''")
        assert note.strip(), f"{deck}: slide {shown.evaluate(HERE)} has no notes to show"
        speaker.wait_for_function(TOLD, arg=plain(note), timeout=8000)
    speaker.close()


@pytest.mark.one
def test_a_link_to_a_heading_leads_to_its_slide(shown: Page, deck: str, host: str) -> None:
    heads = {str(head["id"]): plain(first_words(head)) for head in tree(deck).select(".slides :is(h2, h3)[id]")}
    assert heads, f"{deck} has no headings to link to"
    for name, head in heads.items():
        shown.evaluate(
            "hash => new Promise(done => { onhashchange = () => setTimeout(done); location.hash = hash })", name
        )
        text, moved = shown.evaluate(NOW)
        assert head in text, f"{deck}#{name} leads to {shown.evaluate(HERE)}: {text[:80]!r}"
        assert not moved, f"{deck}#{name} scrolls the slide out of its frame: {moved} moved"
    name, head = list(heads.items())[len(heads) // 2]
    for link in (f"#{name}", f"#/{name}"):
        shown.goto("about:blank")
        shown.goto(f"{host}{deck}{link}")
        shown.locator(READY).wait_for()
        text, moved = shown.evaluate(NOW)
        assert head in text, f"{deck}{link}, opened anew, leads to {shown.evaluate(HERE)}"
        assert not moved, f"{deck}{link} scrolls the slide out of its frame: {moved} moved"


@pytest.mark.one
def test_the_palette_is_chosen_on_a_deck_and_kept_on_the_pages_and_back(shown: Page, deck: str, host: str) -> None:
    button = shown.get_by_role("button", name=re.compile("dark|light|palette", re.IGNORECASE))
    assert shown.evaluate(PAINT) == "default"
    button.first.click()
    assert shown.evaluate(PAINT) == "slate", f"{deck}: the button does not change the palette"
    shown.goto(host + deck.removesuffix("slides/"))
    assert shown.evaluate(PAINT) == "slate", f"a palette chosen on {deck} is not kept on the lecture's page"
    shown.locator("form[data-md-component=palette] label:visible").click()
    assert shown.evaluate(PAINT) == "default"
    shown.goto(host + deck)
    shown.locator(READY).wait_for()
    assert shown.evaluate(PAINT) == "default", f"a palette chosen on the lecture's page is not kept on {deck}"


@pytest.mark.one
def test_a_deck_follows_the_system_into_the_dark(shown: Page, deck: str) -> None:
    shown.emulate_media(color_scheme="dark")
    body = expect(shown.locator("body"), f"{deck} stays light when the system turns dark")
    body.to_have_attribute("data-md-color-scheme", "slate", timeout=PATIENCE)


@pytest.mark.one
@pytest.mark.parametrize("how", ["?read", "on an upright phone", "without scripts"])
def test_a_deck_can_be_read_as_a_page(deck: str, how: str, visit: Callable[..., Visit]) -> None:
    view = f"{deck}?read" if how == "?read" else deck
    seen = visit(view, width=390 if "phone" in how else 1280, java_script_enabled=how != "without scripts")
    text = plain(seen.page.locator("body").inner_text())
    expected = texts(deck)
    assert len(expected) >= 15, f"{deck} has hardly any text: {expected}"
    missing = [part for part in expected if plain(part) not in text]
    assert not missing, f"{deck}, {how}, does not show {missing}"
    hidden = seen.page.locator(".slides :is(h1, h2, h3)").evaluate_all(
        "all => all.filter(head => !head.checkVisibility({ opacityProperty: true, visibilityProperty: true })"
        " || head.getBoundingClientRect().left < 0).map(head => head.outerHTML)"
    )
    assert not hidden, f"{deck}, {how}, hides {hidden}"
    tops = seen.page.locator(".slides :is(h1, h2, h3)").evaluate_all(
        "all => all.map(head => head.getBoundingClientRect().top)"
    )
    assert tops == sorted(set(tops)), f"{deck}, {how}: headings lie upon one another"
    seen.page.mouse.wheel(0, 100_000)
    assert seen.page.evaluate("document.scrollingElement.scrollHeight > innerHeight * 2"), (
        f"{deck}, {how}: cannot scroll"
    )


@pytest.mark.one
def test_read_leads_from_the_deck_to_the_lecture(shown: Page, deck: str) -> None:
    back = deck.removesuffix("slides/")
    link = shown.get_by_role("link", name=re.compile("^Read"))
    assert link.count(), f"{deck} has no visible link Read"
    target = link.first.get_attribute("href") or ""
    assert inside(deck, target) == back, f"{deck}: Read leads to {target}"
    link.first.click()
    shown.wait_for_url(f"**{back}")


def test_a_font_that_is_late_is_waited_for(browser: Browser, host: str) -> None:
    def width(seconds: float) -> float:
        context = browser.new_context()
        page = context.new_page()
        page.route("**/source-sans-3-*", lambda route: (time.sleep(seconds), route.continue_()))
        page.goto(f"{host}/lectures/perceptron/slides/")
        page.wait_for_selector(READY)
        page.evaluate("document.fonts.ready")
        page.wait_for_timeout(300)
        width: float = page.evaluate(
            """() => {
              const range = document.createRange();
              range.selectNodeContents(document.querySelector("section h1"));
              return range.getBoundingClientRect().width / Reveal.getScale();
            }"""
        )
        context.close()
        return width

    assert width(2) == pytest.approx(width(0), rel=1e-3)


def test_half_of_a_deck_is_pictures_and_no_slide_is_a_third_full(shown: Page) -> None:
    slides = shown.evaluate(BARE)
    pictures = sum(slide["picture"] for slide in slides)
    assert pictures >= len(slides) / 2, f"{pictures} of {len(slides)} slides show a picture, a plot or a demo"
    thin = [f"{slide['name']}: {slide['down']:.0%}" for slide in slides if slide["short"] and slide["down"] < 0.55]
    assert not thin, f"slides whose content ends above 55 % of their height: {thin}"
    statements = [slide["name"] for slide in slides if not slide["short"]]
    assert len(statements) <= 5, f"a title and more than four statements: {statements}"
