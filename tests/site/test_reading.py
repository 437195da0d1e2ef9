"""What a reader does with a page in Chromium: copy code, search, go by keyboard, print."""

import re
from collections.abc import Callable
from io import BytesIO
from textwrap import dedent

import pytest
from pypdf import PdfReader

from tests.site.built import ROOT, addresses, file_of, heading, inside, topic, tree, words
from tests.site.visits import Visit

SNIPPET = re.compile(r'^```.*python.*\n--8<-- "(code/\w+\.py):(\w+)"\n```$', re.MULTILINE)
INK = """() => {
  const light = value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const brush = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
  const inks = {};
  for (const part of document.querySelectorAll("article :is(h1, h2, p, li, code, code span, a, svg text)"))
    if (part.checkVisibility() && part.textContent.trim())
      inks[getComputedStyle(part)[part.closest("svg") ? "fill" : "color"]] ??= part.outerHTML.slice(0, 150);
  return Object.entries(inks).filter(([ink]) => {
    for (const colour of ["#fff", ink]) brush.fillStyle = colour, brush.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...brush.getImageData(0, 0, 1, 1).data].map(value => light(value / 255));
    return 1.05 / (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05) < 4.5;
  });
}"""
FOCUS = """number => {
  const part = document.querySelectorAll("article details")[number];
  for (let outer = part; (outer = outer.parentElement.closest("details")); ) outer.open = true;
  part.querySelector("summary").focus();
  return part.open;
}"""
TAKEN = "navigator.clipboard.readText().then(text => navigator.clipboard.writeText('').then(() => text))"


def region(source: str, name: str) -> str:
    """Cut the region `name` out of a script as a page includes it."""
    text = (ROOT / source).read_text(encoding="utf-8")
    found = re.search(rf"# --8<-- \[start:{name}\]\n(.*?)^\s*# --8<-- \[end:{name}\]", text, re.DOTALL | re.MULTILINE)
    assert found, f"{source} has no region {name!r}"
    lines = [line for line in found[1].splitlines() if "--8<--" not in line]
    return dedent("\n".join(lines)).strip("\n")


def test_a_lecture_shows_regions_of_scripts_as_they_stand_there(lecture: str) -> None:
    source = (ROOT / "docs" / lecture[1:] / "index.md").read_text(encoding="utf-8")
    regions = SNIPPET.findall(source)
    assert regions, f"docs{lecture}index.md shows no region of a script"
    shown = {code.text.strip("\n") for code in tree(lecture).select(".highlight pre > code")}
    changed = [f"{script}:{name}" for script, name in regions if region(script, name) not in shown]
    assert not changed, f"{lecture} does not show as they stand in the script: {changed}"


@pytest.mark.one
def test_the_copy_button_copies_the_code_exactly(to_read: str, visit: Callable[..., Visit]) -> None:
    seen = visit(to_read, permissions=["clipboard-read", "clipboard-write"])
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
        assert copied[-1].rstrip("\n") == code.rstrip("\n"), f"{to_read}: copied {copied[-1]!r} instead of {code!r}"
    assert copied, f"{to_read} has no code to copy"


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


@pytest.mark.parametrize("page", ["/", *addresses("lecture")[:1], *addresses("lab")[:1]])
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


def test_what_is_folded_has_a_summary_to_open_it(any_page: str) -> None:
    parts = tree(any_page).select("article details")
    closed = [str(part)[:200] for part in parts if part.find(recursive=False).name != "summary"]
    assert not closed, "\n".join([f"{any_page} folds away for ever:", *closed])


@pytest.mark.one
def test_what_is_folded_opens_with_enter(to_read: str, visit: Callable[..., Visit]) -> None:
    seen = visit(to_read)
    for number, part in enumerate(tree(to_read).select("article details")):
        was = seen.page.evaluate(FOCUS, number)
        seen.page.keyboard.press("Enter")
        is_open = seen.page.evaluate("number => document.querySelectorAll('article details')[number].open", number)
        assert is_open is not was, f"{to_read}: {words(part.summary)!r} does not open or close with Enter"


def test_a_lecture_has_exercises_with_folded_solutions(lecture: str) -> None:
    assert len(tree(lecture).select("article details")) >= 3, f"{lecture} has fewer than three things to unfold"


@pytest.mark.one
def test_paper_gets_dark_ink_and_no_frame_from_the_dark_palette_too(to_read: str, visit: Callable[..., Visit]) -> None:
    seen = visit(to_read, scheme="dark")
    seen.page.emulate_media(media="print")
    frame = seen.page.locator("nav:visible, header:visible, footer:visible, .md-sidebar:visible, button:visible")
    left = frame.evaluate_all("all => all.map(part => part.outerHTML.slice(0, 200))")
    assert not left, f"{to_read} prints its frame: {left}"
    pale = seen.page.evaluate(INK)
    assert not pale, f"{to_read}, printed from the dark palette, is pale on paper: {pale}"


@pytest.mark.one
def test_a_printed_lecture_has_all_its_text_and_no_frame(lecture: str, visit: Callable[..., Visit]) -> None:
    seen = visit(lecture)
    sheets = [sheet.extract_text() for sheet in PdfReader(BytesIO(seen.page.pdf(format="A4"))).pages]
    text = re.sub(r"\s", "", "".join(sheets))
    heads = [words(head, "a") for head in tree(lecture).select("article :is(h1, h2)") if not head.select(".katex")]
    missing = [head for head in heads if re.sub(r"\s", "", head) not in text]
    assert not missing, f"{lecture}: the PDF lacks the headings {missing}"
    frame = [part for part in ("Skip to content", "Table of contents", "Back to top") if part.replace(" ", "") in text]
    assert not frame, f"{lecture}: the PDF has {frame} in it"
    assert all(sheet.strip() for sheet in sheets), f"{lecture}: the PDF has an empty page among its {len(sheets)}"


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


def test_a_scripts_page_is_the_script(lecture: str) -> None:
    name = f"{topic(lecture)}.py"
    assert file_of(f"{lecture}{name}").read_bytes() == (ROOT / "code" / name).read_bytes()
