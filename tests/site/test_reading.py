"""What a reader does with a page in Chromium: copy code, search, go by keyboard, print."""

import re
from collections.abc import Callable
from io import BytesIO
from textwrap import dedent

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from tests.site.built import ROOT, SITE, addresses, file_of, inside, topic, tree, words
from tests.site.visits import HEIGHTS, Visit

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
FETCHED = "typeof MACROS === 'object'"  # copy.js comes when something is selected for the first time
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
    went = seen.page.evaluate("location.href").removeprefix(seen.host)  # `page.url` hears of it later
    assert inside(page, went) == f"{page}{focus[0]}"
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


ACCENTED = """() => {  // a letter under a hat: what is drawn behind the hat, when the system chooses the colours
  const hat = [...document.querySelectorAll(".katex-html .accent-body")].find(part => part.checkVisibility());
  const { forcedColorAdjust, color } = getComputedStyle(hat);
  const probe = document.body.appendChild(document.createElement("p"));
  probe.style.color = "CanvasText";
  return [forcedColorAdjust, color === getComputedStyle(probe).color];
}"""
INKS = """() => ["ink", "faint", "blue", "orange"].map(name => {
  const probe = document.body.appendChild(document.createElement("p"));
  probe.style.color = `var(--fig-${name})`;
  return getComputedStyle(probe).color;
})"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_with_forced_colours_formulas_keep_their_letters_and_figures_their_lines(
    scheme: str, visit: Callable[..., Visit]
) -> None:
    page = next(page for page in addresses("lecture") if tree(page).select(".katex-html .accent-body"))
    seen = visit(page, scheme=scheme, forced_colors="active")
    assert seen.page.evaluate(ACCENTED) == ["none", True]
    ground = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground not in seen.page.evaluate(INKS), f"{page}: figures have lines of the colour of their ground"


@pytest.mark.one
def test_on_a_phone_what_is_cut_at_the_edge_says_that_it_scrolls(to_read: str, visit: Callable[..., Visit]) -> None:
    seen = visit(to_read, width=390)
    bare = seen.page.evaluate(
        """() => [...document.querySelectorAll("article :is(.katex-display, .md-typeset__scrollwrap, table)")]
          .filter(box => box.scrollWidth > box.clientWidth + 1
            && (getComputedStyle(box).backgroundImage.match(/gradient/g) ?? []).length < 4
            && !box.parentElement.closest(".md-typeset__scrollwrap"))
          .map(box => box.outerHTML.slice(0, 120))"""
    )
    assert not bare, f"{to_read}: what scrolls without a hint: {bare}"


SELECT = """part => {
  for (let outer = part; (outer = outer.closest("details:not([open])")); ) outer.open = true;
  const range = document.createRange();
  range.selectNodeContents(part);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}"""


@pytest.mark.parametrize("page", [*addresses("lecture")[:1], *addresses("lab")[:1]])
def test_code_selected_with_the_mouse_is_the_code_and_nothing_else(page: str, visit: Callable[..., Visit]) -> None:
    seen = visit(page, height=1800, permissions=["clipboard-read", "clipboard-write"])
    codes = [code for code in seen.page.locator("article pre > code").all() if code.is_visible()]
    tried = 0
    for code in codes:
        # In the middle: near an edge a selection scrolls the page by itself.
        code.evaluate("part => part.scrollIntoView({ block: 'center', behavior: 'instant' })")
        before, at = None, code.bounding_box()
        while at != before:  # until it stands still
            seen.page.wait_for_timeout(50)
            before, at = at, code.bounding_box()
        if not at or at["height"] > 900 or tried == 6:
            continue
        tried += 1
        seen.page.mouse.move(at["x"] + 1, at["y"] + 12)
        seen.page.mouse.down()
        seen.page.mouse.move(at["x"] + at["width"] - 4, at["y"] + at["height"] - 4, steps=4)
        seen.page.mouse.up()
        seen.page.keyboard.press("Control+c")
        assert seen.page.evaluate(TAKEN).strip("\n") == (code.text_content() or "").strip("\n")
    assert tried


@pytest.mark.parametrize("page", [*addresses("lecture")[:1], "/course/notation/", *addresses("deck")[:1]])
def test_a_formula_is_copied_as_tex_that_others_read_too(page: str, visit: Callable[..., Visit]) -> None:
    seen = visit(page, permissions=["clipboard-read", "clipboard-write"])
    for formula in [*seen.page.locator(".katex").all()[:4], *seen.page.locator(".katex-display .katex").all()[:4]]:
        if not formula.is_visible():
            continue
        display = formula.evaluate("part => part.matches('.katex-display *')")
        formula.locator(".katex-html").evaluate(SELECT)  # a part is copied as the whole
        seen.page.wait_for_function(FETCHED)
        seen.page.keyboard.press("Control+c")
        tex, sign = formula.locator("annotation").text_content() or "", "$$" if display else "$"
        copied = seen.page.evaluate(TAKEN)
        assert (copied[: len(sign)], copied[-len(sign) :]) == (sign, sign), f"{page}: copied {copied!r}"
        assert not re.search(r"\\[RExw](?![A-Za-z])", copied), "a macro that only this course knows"
        names = re.compile(r"\\math\w+\{(\w)\}|\\([RExw])(?![A-Za-z])|\s")
        bare, whole = (names.sub(lambda part: part[1] or part[2] or "", text) for text in (copied, tex))
        assert bare == f"{sign}{whole}{sign}"


def test_copied_formulas_know_the_macros_that_typeset_formulas_know() -> None:
    typesets = (ROOT / "tools" / "maths.mjs").read_text(encoding="utf-8")
    copies = (ROOT / "docs" / "assets" / "copy.js").read_text(encoding="utf-8")
    known = re.findall(r'"\\\\(\w)": ("[^"]+")', typesets)
    assert re.findall(r'(\w): ("[^"]+")', re.findall(r"const MACROS = .*", copies)[0]) == known


def test_a_table_is_copied_with_tabs_between_its_cells_and_its_formulas_as_tex(visit: Callable[..., Visit]) -> None:
    seen = visit("/course/notation/", permissions=["clipboard-read", "clipboard-write"])
    table = seen.page.locator("article table").first
    table.evaluate(SELECT)
    seen.page.wait_for_function(FETCHED)
    seen.page.keyboard.press("Control+c")
    lines = seen.page.evaluate(TAKEN).strip().split("\n")
    rows = tree("/course/notation/").find("table").find_all("tr")
    assert len(lines) == len(rows)
    assert [line.count("\t") for line in lines[:-1]] == [len(row.find_all(["td", "th"])) - 1 for row in rows[:-1]]
    assert lines[1].startswith("$\\mathbf{x}$\t")


def test_text_with_a_formula_is_copied_in_its_paragraphs_with_links_that_lead_anywhere(
    visit: Callable[..., Visit],
) -> None:
    page = next(page for page in addresses("lecture") if tree(page).select("article > p .katex"))
    seen = visit(page, permissions=["clipboard-read", "clipboard-write"])
    seen.page.locator("article").evaluate(SELECT)
    seen.page.wait_for_function(FETCHED)
    seen.page.keyboard.press("Control+c")
    found = seen.page.evaluate(
        "navigator.clipboard.read().then(([copied]) => copied.getType('text/html')).then(html => html.text())"
    )
    copied = BeautifulSoup(found, "html.parser")
    assert not copied.select(".katex, .headerlink, button")
    links = [str(a["href"]) for a in copied.find_all("a", href=True)]
    assert links
    assert all(link.startswith("http") for link in links)
    text = seen.page.evaluate(TAKEN)
    heads = [heading for heading in seen.page.locator("article h2").all_inner_texts() if "\n" not in heading]
    assert all(f"\n{heading.rstrip('¶')}\n" in text for heading in heads)


def printed(seen: Visit) -> str:
    """The text of a page on paper, without its spaces."""
    sheets = PdfReader(BytesIO(seen.page.pdf(format="A4"))).pages
    return re.sub(r"\s", "", "".join(sheet.extract_text() for sheet in sheets))


@pytest.mark.parametrize("scripts", [True, False])
def test_on_paper_all_that_is_folded_is_unfolded_solutions_too(scripts: bool, visit: Callable[..., Visit]) -> None:
    page = next(page for page in addresses("lecture") if tree(page).select("article details.note"))
    seen = visit(page, java_script_enabled=scripts)
    paper = printed(seen)
    for kind in ("note", "success"):
        last = [fold.find_all("p")[-1] for fold in tree(page).select(f"article details.{kind}") if fold.find("p")]
        texts = [
            text[-25:] for text in (bare(part.get_text()) for part in last if not part.select(".katex, a")) if text
        ]
        assert texts
        assert not [text for text in texts if text not in paper], f"{page}: the paper lacks what is folded"


def bare(text: str) -> str:
    """A text without its spaces; "" where a formula would be read otherwise on paper."""
    return re.sub(r"\s", "", text) if text.isascii() and "\n" not in text else ""


def test_on_narrow_paper_nothing_is_cut_and_figures_and_rows_are_whole(
    to_read: str, visit: Callable[..., Visit]
) -> None:
    seen = visit(to_read)
    seen.page.emulate_media(media="print")
    seen.page.set_viewport_size({"width": 600, "height": 900})  # A4 with wide margins
    seen.page.evaluate("for (const fold of document.querySelectorAll('article details')) fold.open = true")
    cut = seen.page.evaluate(
        """() => [...document.querySelectorAll("article :is(pre, pre > code, table, svg.figure, .katex-display)")]
          .filter(part => part.checkVisibility() && (part.scrollWidth > part.clientWidth + 1 && part.clientWidth
            || part.getBoundingClientRect().right > innerWidth + 1))
          .map(part => part.outerHTML.slice(0, 120))"""
    )
    assert not cut, f"{to_read}: the paper cuts {cut}"
    split = seen.page.evaluate(
        """() => [...document.querySelectorAll("article :is(svg.figure, pre, tr)")]
          .filter(part => getComputedStyle(part).breakInside !== "avoid").map(part => part.outerHTML.slice(0, 120))"""
    )
    assert not split, f"{to_read}: may be split between two sheets: {split}"


def test_on_paper_a_link_to_elsewhere_shows_its_address(visit: Callable[..., Visit]) -> None:
    address = str(tree("/course/references/").select_one("article a[href^=http]")["href"])
    assert re.sub(r"\s", "", f"({address})") in printed(visit("/course/references/"))


@pytest.mark.parametrize("page", addresses("lecture"))
def test_a_picture_stands_beside_the_question_on_the_first_screen(page: str, visit: Callable[..., Visit]) -> None:
    seen = visit(page, width=1350, height=940)
    tops = seen.page.locator("article :is(figure, svg.figure, img)").evaluate_all(
        "all => all.map(each => each.getBoundingClientRect()).filter(box => box.height > 60).map(box => box.top)"
    )
    assert min(tops, default=9999) < 940 - 60, f"the first picture of {page} begins at {min(tops, default=0):.0f} px"


def test_a_quiz_option_can_be_chosen_and_the_answer_says_whether_it_was_right(visit: Callable[..., Visit]) -> None:
    page = next(page for page in addresses("lecture") if tree(page).select_one("#check-yourself ~ ul ~ details"))
    answer = tree(page).select_one("#check-yourself ~ details.success")
    assert answer is not None
    right = re.search(r"\(([a-e])\)", answer.get_text())
    assert right is not None
    seen = visit(page)
    seen.page.locator("#check-yourself").scroll_into_view_if_needed()
    options = seen.page.locator(".quiz").first.get_by_role("radio")
    options.first.wait_for()
    folded, said = seen.page.locator("#check-yourself ~ details.success").first, seen.page.locator(".quiz__said").first
    for number, letter in enumerate("abc"):
        options.nth(number).check()
        assert folded.get_attribute("open") is not None
        assert ("Right" in said.inner_text()) == (letter == right[1])


def test_a_quiz_is_a_list_with_a_folded_answer_where_scripts_are_off(visit: Callable[..., Visit]) -> None:
    seen = visit(addresses("lecture")[0], java_script_enabled=False)
    assert seen.page.locator("#check-yourself ~ ul").first.is_visible()
    assert seen.page.locator(".quiz").count() == 0


def test_the_glossary_is_searched_by_term_and_meaning_and_jumped_to_by_letter(visit: Callable[..., Visit]) -> None:
    seen = visit("/course/glossary/")
    shown = seen.page.locator(".glossary h2:visible")
    every = shown.count()
    seen.page.get_by_label("Find a term").fill("gradient")
    names = [name.partition("¶")[0] for name in shown.all_inner_texts()]
    assert {"gradient", "gradient descent", "backpropagation"} <= set(names)
    assert "entropy" not in names
    assert f"{len(names)} of {every} terms" in seen.page.get_by_role("status").all_inner_texts()
    seen.page.get_by_label("Find a term").fill("")
    seen.page.get_by_label("By letter").get_by_role("link", name="V", exact=True).click()
    assert seen.page.evaluate("location.hash") == "#validation-set"


@pytest.mark.parametrize("width", [390, 1350])
def test_a_link_to_a_term_leads_to_its_name_and_not_under_the_search(width: int, visit: Callable[..., Visit]) -> None:
    seen = visit("/course/glossary/#forward-chaining", width=width)
    name, search = (seen.page.locator(each).bounding_box() for each in ("#forward-chaining", ".glossary-search"))
    assert name
    assert search
    assert search["y"] + search["height"] <= name["y"] < HEIGHTS[width]


def test_an_address_that_leads_nowhere_leads_on() -> None:
    article = tree("/404.html").article
    links = {str(link["href"]).rstrip("/").rpartition("/")[2] for link in article.select("a[href]")}
    assert {"glossary", *map(topic, addresses("lecture"))} <= links


def test_a_lab_stands_beside_its_lecture_in_the_menu(visit: Callable[..., Visit]) -> None:
    links = [inside("/", str(link["href"])) for link in tree("/").select(".map a[href]")]
    lectures = [link for link in links if link in addresses("lecture")]  # in the order of the course
    for page in addresses("lab"):
        lecture = page.removesuffix("lab/")
        place = lectures.index(lecture)
        html = tree(page)
        ways = [str(way["href"]) for way in html.select(".md-footer__link")]
        expected = [lecture, *lectures[place + 1 : place + 2]]
        assert [inside(page, way) for way in ways[: len(expected)]] == expected
        active = html.select(".md-nav--primary .md-nav__item--active > a.md-nav__link")
        assert inside(page, str(active[-1]["href"])) == lecture
        assert str(active[-1].get_text()).strip().startswith(f"{place + 1}. ")


def test_the_home_page_names_every_lecture_deck_and_lab() -> None:
    links = {inside("/", str(link["href"])) for link in tree("/").select(".map a[href]:not(.headerlink)")}
    assert links == {*addresses("lecture"), *addresses("deck"), *addresses("lab")}


def test_only_what_readers_need_is_published() -> None:
    assert not list(SITE.rglob("ruff.toml"))
    assert "<lastmod>" not in (SITE / "sitemap.xml").read_text(encoding="utf-8")
