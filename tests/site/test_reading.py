"""What a reader does with a page in Chromium: copy code, search, go by keyboard, print."""

import re
from collections.abc import Callable
from io import BytesIO
from textwrap import dedent

import pytest
from pypdf import PdfReader

from tests.site.built import ROOT, addresses, heading, inside, kind, topic, tree, words
from tests.site.visits import Visit

SNIPPET = re.compile(r'^```.*python.*\n--8<-- "(code/\w+\.py):(\w+)"\n```$', re.MULTILINE)
INK = """() => {
  const light = value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
  const texts = [...document.querySelectorAll("article :is(h1, h2, p, li, code, code span, a)")];
  return texts.filter(part => part.checkVisibility() && part.textContent.trim()).flatMap(part => {
    canvas.fillStyle = "#fff", canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = getComputedStyle(part).color, canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map(value => light(value / 255));
    return 1.05 / (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05) < 4.5 ? [part.outerHTML.slice(0, 120)] : [];
  }).slice(0, 5);
}"""

TAKEN = "navigator.clipboard.readText().then(text => navigator.clipboard.writeText('').then(() => text))"


def region(source: str, name: str) -> str:
    """Cut the region `name` out of a script as a page includes it."""
    text = (ROOT / source).read_text(encoding="utf-8")
    found = re.search(rf"# --8<-- \[start:{name}\]\n(.*?)^\s*# --8<-- \[end:{name}\]", text, re.DOTALL | re.MULTILINE)
    assert found, f"{source} has no region {name!r}"
    lines = [line for line in found[1].splitlines() if "--8<--" not in line]
    return dedent("\n".join(lines)).strip("\n")


@pytest.mark.parametrize("page", addresses("lecture", "lab"))
def test_the_copy_button_copies_the_code_exactly(page: str, visit: Callable[..., Visit]) -> None:
    seen = visit(page, permissions=["clipboard-read", "clipboard-write"])
    seen.page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    copied = []
    for block in seen.page.locator(".highlight:has(pre > code)").all():
        button = block.locator("button[data-clipboard-target], .md-clipboard, [data-md-type=copy]").first
        if copied:
            button.dispatch_event("click")
        else:
            block.hover()
            button.click()
        code = block.locator("pre > code").first.text_content()
        copied.append(seen.page.evaluate(TAKEN))
        assert copied[-1].rstrip("\n") == code.rstrip("\n"), f"{page}: copied {copied[-1]!r} instead of {code!r}"
    assert copied, f"{page} has no code to copy"
    if kind(page) == "lecture":
        source = (ROOT / "docs" / page[1:] / "index.md").read_text(encoding="utf-8")
        regions = SNIPPET.findall(source)
        assert regions, f"docs{page}index.md shows no region of a script"
        for script, name in regions:
            shown = [code for code in copied if code.strip("\n") == region(script, name)]
            assert shown, f"{page}: no button copies {script}:{name} as it stands in the script"


def test_search_finds_every_page_by_its_heading(visit: Callable[..., Visit]) -> None:
    seen = visit("/")
    box = seen.page.locator("input[name=query]")
    seen.page.locator("label[for=__search]:visible, input[name=query]:visible").first.click()
    lost = []
    for address in addresses():
        if address == "/404.html":
            continue
        box.fill(heading(address))
        box.press("End")  # the search listens to keys
        target = f'.md-search-result__link[href^="{seen.host}{address}"], [role=dialog] a[href^="{address}"]'
        try:
            seen.page.locator(target).first.wait_for(state="attached", timeout=3000)
        except Exception as error:
            found = seen.page.locator(".md-search-result__link").evaluate_all("all => all.map(link => link.href)")
            lost.append(f"{heading(address)!r} does not find {address}, but {found[:5]} ({type(error).__name__})")
    assert not lost, "\n".join(lost)


def test_search_opens_with_a_key_and_a_result_with_enter(visit: Callable[..., Visit]) -> None:
    seen = visit("/")
    address = addresses("lecture")[0]
    seen.page.keyboard.press("/")
    seen.page.keyboard.type(heading(address))
    seen.page.locator(".md-search-result__link").first.wait_for()
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_url(re.compile(f"{seen.host}/lectures/"))
    assert not seen.faults, "\n".join(seen.faults)


@pytest.mark.parametrize("page", ["/", *addresses("lecture", "lab")])
def test_the_first_tab_reaches_a_link_to_the_content(page: str, visit: Callable[..., Visit]) -> None:
    seen = visit(page)
    seen.page.keyboard.press("Tab")
    focus = seen.page.evaluate("[document.activeElement.getAttribute('href'), document.activeElement.innerText]")
    assert (focus[0] or "").startswith("#"), f"{page}: the first Tab reaches {focus}, no link to the content"
    assert seen.page.evaluate("document.activeElement.checkVisibility({ opacityProperty: true })"), (
        f"{page}: the link to the content stays unseen when it has the focus"
    )
    seen.page.keyboard.press("Enter")
    assert inside(page, seen.page.url.removeprefix(seen.host)) == f"{page}{focus[0]}"
    assert seen.page.evaluate("document.querySelector(location.hash)?.closest('main') != null"), (
        f"{page}: {focus[0]} is not in <main>"
    )


@pytest.mark.parametrize("page", addresses("lecture", "lab"))
def test_what_is_folded_opens_with_enter(page: str, visit: Callable[..., Visit]) -> None:
    seen = visit(page)
    folded = seen.page.locator("article details")
    assert folded.count() == len(tree(page).select("article details > summary:first-child"))
    for part in folded.all():
        was = part.evaluate("part => part.open")
        part.locator("summary").first.focus()
        seen.page.keyboard.press("Enter")
        text = part.locator("summary").first.inner_text()
        assert part.evaluate("part => part.open") is not was, f"{page}: {text!r} does not open or close with Enter"


def test_a_lecture_has_exercises_with_folded_solutions(lecture: str) -> None:
    assert len(tree(lecture).select("article details")) >= 3, f"{lecture} has fewer than three things to unfold"


@pytest.mark.parametrize("page", addresses("lecture", "lab"))
def test_paper_gets_the_text_without_the_frame_in_dark_ink(page: str, visit: Callable[..., Visit]) -> None:
    seen = visit(page, scheme="dark")
    seen.page.emulate_media(media="print")
    frame = seen.page.locator("nav:visible, header:visible, footer:visible, .md-sidebar:visible, button:visible")
    assert not (left := frame.evaluate_all("all => all.map(part => part.outerHTML.slice(0, 200))")), (
        f"{page} prints its frame: {left}"
    )
    assert not (pale := seen.page.evaluate(INK)), f"{page}, printed from the dark palette, is pale on paper: {pale}"
    printed = PdfReader(BytesIO(seen.page.pdf(format="A4")))
    text = "".join("".join(sheet.extract_text() for sheet in printed.pages).split())
    spoken = [words(h, "a") for h in tree(page).select("article :is(h1, h2)") if not h.select(".katex")]
    missing = [title for title in spoken if "".join(title.split()) not in text]
    assert not missing, f"{page}: the PDF lacks the headings {missing}"
    for frame_word in ("Skip to content", "Table of contents", "Back to top", "Present"):
        assert "".join(frame_word.split()) not in text, f"{page}: the PDF has {frame_word!r} in it"
    for sheet, number in zip(printed.pages, range(1, len(printed.pages) + 1), strict=True):
        assert sheet.extract_text().strip(), f"{page}: page {number} of the PDF is empty"


@pytest.mark.parametrize("page", ["/", *addresses("lecture")[:1], *addresses("lab")[:1]])
def test_a_choice_of_palette_is_kept_from_page_to_page(page: str, visit: Callable[..., Visit]) -> None:
    seen = visit(page)
    paint = "document.body.dataset.mdColorScheme"
    seen.page.locator("form[data-md-component=palette] label:visible").click()
    assert seen.page.evaluate(paint) == "slate"
    seen.page.goto(f"{seen.host}/course/glossary/")
    assert seen.page.evaluate(paint) == "slate"
    seen.page.goto(seen.host + page)
    seen.page.locator("form[data-md-component=palette] label:visible").click()
    assert seen.page.evaluate(paint) == "default"


def test_a_scripts_page_is_the_script(lecture: str, visit: Callable[..., Visit]) -> None:
    name = topic(lecture)
    seen = visit(lecture)
    answer = seen.page.request.get(f"{seen.host}{lecture}{name}.py")
    assert answer.ok
    assert answer.text() == (ROOT / "code" / f"{name}.py").read_text(encoding="utf-8")
