"""The demos where they stand, in Chromium: by mouse, touch and keyboard, in both palettes, on pages and decks."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.site.built import SITE, addresses, kind, tree
from tests.site.visits import Visit

MODULES = sorted((SITE / "assets" / "demos").glob("*.js"))
NAMES = [path.stem for path in MODULES if "-" in path.stem]  # as every element's; the others are what demos share
PLACES = [(name, page) for name in NAMES for page in addresses() if tree(page).select(f"{name}.demo")]
ONE = {"1": [(0.5, 0.2), (0.5, 0.5), (0.5, 0.8)], "7": [(0.3, 0.2), (0.7, 0.2), (0.4, 0.8)]}
LINES = ONE | {"square": [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7), (0.3, 0.3)]}


def on(*names: str, where: tuple[str, ...] = ("lecture", "page")) -> pytest.MarkDecorator:
    """Run a test on the pages on which these demos stand."""
    return pytest.mark.parametrize(
        ("name", "page"), [each for each in PLACES if each[0] in names and kind(each[1]) in where]
    )


def loaded(seen: Visit) -> list[str]:
    """What has been asked for of the demos and their files, below the site."""
    asked = [request.url.removeprefix(seen.host) for request in seen.answered]
    return [url for url in asked if url.startswith("/assets/demos/") or url.endswith(".safetensors")]


def files(seen: Visit) -> list[str]:
    """What has been asked for but the modules: weights and images."""
    return [url for url in loaded(seen) if not url.endswith(".js")]


def come(seen: Visit, name: str) -> Locator:
    """Come to the demo on a page, and wait until it is there."""
    demo = seen.page.locator(name).first
    demo.evaluate("demo => { demo.scrollIntoView(); scrollBy(0, -80); }")
    seen.page.wait_for_function("name => customElements.get(name)", arg=name)
    seen.settle()
    return demo


def test_every_demo_stands_somewhere() -> None:
    assert {name for name, _ in PLACES} == set(NAMES) != set()


def test_a_page_without_a_demo_is_given_nothing_of_one() -> None:
    demos = {page for _, page in PLACES}
    for page in addresses():
        given = [str(part) for part in tree(page).select("head :is(script, link)") if "demos" in str(part)]
        assert len(given) == (2 if page in demos else 0), f"{page}: {given}"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_a_module_is_small(module: Path) -> None:
    size = len(gzip.compress(module.read_bytes(), mtime=0))
    assert size <= 6 * 1024, f"{module.name} has {size:,} bytes, gzipped"


@on(*NAMES)
def test_a_demo_is_fetched_when_a_reader_comes_to_it_and_nothing_moves(
    name: str, page: str, visit: Callable[..., Visit]
) -> None:
    for width in (1350, 390):
        seen = visit(page, width=width)
        assert loaded(seen) == [], "before the reader comes to it"
        seen.page.evaluate("shifts.length = 0")
        come(seen, name)
        assert f"/assets/demos/{name}.js" in loaded(seen)
        assert files(seen) == [], "they wait for their first use"
        moved = sum(shift for shift, _ in seen.page.evaluate("shifts"))
        assert moved <= 0.02, f"{seen}: the layout shifts by {moved:.3f}: is the place in demos.css right?"
        assert not seen.faults, seen.faults


@on(*NAMES, where=("lecture", "page", "deck"))
def test_without_scripts_a_sentence_or_a_picture_stands_there(
    name: str, page: str, visit: Callable[..., Visit]
) -> None:
    shown = visit(page, java_script_enabled=False).page.locator(name)
    assert shown.is_visible()
    if kind(page) == "deck":  # and on paper: a sentence would leave the page bare
        assert shown.locator("svg.figure").is_visible()
    else:
        assert len(shown.inner_text().split()) > 4


def barriers(seen: Visit, name: str) -> list[str]:
    """What axe finds about the demo."""
    return [fault for fault in seen.barriers() if f" at {name}" in fault.partition("\n")[0]]


def drawn(demo: Locator) -> int:
    """How many pixels are drawn."""
    return int(demo.evaluate("demo => demo.intensity.filter(Boolean).length"))


def stroke(seen: Visit, demo: Locator, what: str) -> None:
    """Draw with the mouse."""
    demo.locator(".pad").scroll_into_view_if_needed()
    box: Any = demo.locator(".pad").bounding_box()
    first, *others = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in LINES[what]]
    seen.page.mouse.move(*first)
    seen.page.mouse.down()
    for place in others:
        seen.page.mouse.move(*place, steps=8)
    seen.page.mouse.up()


def reads(demo: Locator, digit: str) -> None:
    """The demo says which digit it is, and its bars agree."""
    expect(demo.get_by_role("status")).to_have_text(re.compile(rf"^A {digit}, with probability [01]\.\d+$"))
    rows = [row.split() for row in demo.get_by_role("listitem").all_inner_texts() if re.match(r"\d\s+[\d.]+$", row)]
    assert [row[0] for row in rows] == list("0123456789")
    probabilities = [float(row[1]) for row in rows]
    assert sum(probabilities) == pytest.approx(1, abs=0.01)
    assert probabilities.index(max(probabilities)) == int(digit)


@on("draw-digit")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_digit_drawn_with_the_mouse_is_read_and_cleared(
    name: str, page: str, scheme: str, visit: Callable[..., Visit]
) -> None:
    seen = visit(page, scheme=scheme)
    demo = come(seen, name)
    stroke(seen, demo, "1")
    reads(demo, "1")
    for step in (
        r"box of \d+ × \d+ pixels",
        r"to \d+ × 20 pixels",
        r"in 28 × 28|in 32 × 32",
        r"background −0\.\d\d, foreground 2\.\d\d",
    ):
        expect(demo.get_by_text(re.compile(step))).to_be_visible()
    demo.get_by_role("button", name="Clear").click()
    expect(demo.get_by_role("status")).to_be_empty()
    assert drawn(demo) == 0
    stroke(seen, demo, "7")
    reads(demo, "7")
    assert [url.rpartition(".")[2] for url in files(seen)] == ["safetensors"], "the weights are fetched once"
    seen.page.mouse.move(0, 0)
    assert not barriers(seen, name)
    assert not seen.faults, seen.faults


@on("draw-digit")
def test_what_is_drawn_takes_the_colours_of_the_page_when_they_change(
    name: str, page: str, visit: Callable[..., Visit]
) -> None:
    seen = visit(page)
    demo = come(seen, name)
    stroke(seen, demo, "1")
    reads(demo, "1")
    dark = """demo => { const area = demo.shadowRoot.querySelector("canvas");
        return area.getContext("2d").getImageData(70, 70, 1, 1).data[0] < 128; }"""
    assert demo.evaluate(dark), "what is drawn is dark by day"
    seen.paint("dark")
    seen.page.wait_for_timeout(100)
    assert not demo.evaluate(dark), "and light by night"


@on("draw-digit")
def test_a_digit_is_drawn_with_keys_alone(name: str, page: str, visit: Callable[..., Visit]) -> None:
    seen = visit(page)
    demo, keys = come(seen, name), seen.page.keyboard
    demo.locator(".pad").focus()
    for key, times in {"ArrowUp": 9, "Space": 1, "ArrowDown": 18, " ": 1, "ArrowRight": 3}.items():
        for _ in range(times):
            keys.press(key)
    reads(demo, "1")
    before = drawn(demo)
    keys.press("Space")
    keys.press("Escape")
    keys.press("ArrowLeft")
    assert drawn(demo) > before, "a dot"
    keys.press("Delete")
    assert drawn(demo) == 0
    keys.press("Tab")
    assert demo.evaluate("demo => demo.shadowRoot.activeElement.textContent") == "Clear"
    scrolled = "window.scrollY"
    before = seen.page.evaluate(scrolled)
    demo.locator(".pad").focus()
    keys.press("ArrowDown")
    assert seen.page.evaluate(scrolled) == before


@on("draw-digit")
def test_a_finger_draws_and_does_not_scroll(name: str, page: str, visit: Callable[..., Visit]) -> None:
    seen = visit(page, width=390, has_touch=True, is_mobile=True)
    demo = come(seen, name)
    box: Any = demo.locator(".pad").bounding_box()
    before, client = seen.page.evaluate("window.scrollY"), seen.context.new_cdp_session(seen.page)
    for x, y in [(0.5, 0.2), (0.5, 0.4), (0.5, 0.6), (0.5, 0.8), (0, 0)]:
        phase = {0.2: "touchStart", 0: "touchEnd"}.get(y, "touchMove")
        points = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}] if y else []
        client.send("Input.dispatchTouchEvent", {"type": phase, "touchPoints": points})
    reads(demo, "1")
    assert seen.page.evaluate("window.scrollY") == before
    assert not barriers(seen, name)


@on("draw-digit")
def test_an_image_of_mnist_is_shown_and_read(name: str, page: str, visit: Callable[..., Visit]) -> None:
    seen = visit(page)
    demo = come(seen, name)
    right = 0
    for digit in "0123456789":
        demo.get_by_role("button", name=f"An image of {digit}").click()
        expect(demo.get_by_role("status")).to_have_text(re.compile(r"^A \d, "))
        seen.page.wait_for_timeout(400)
        right += demo.get_by_role("status").inner_text().startswith(f"A {digit}")
    assert right >= 9
    expect(demo.get_by_text("to 20 × 20 pixels").or_(demo.get_by_text(re.compile(r"to \d+ × 20")))).to_be_visible()
    stroke(seen, demo, "1")
    reads(demo, "1")


@on("draw-digit")
def test_weights_that_cannot_be_fetched_are_told_in_a_sentence_and_asked_for_again(
    name: str, page: str, visit: Callable[..., Visit]
) -> None:
    seen = visit(page)
    demo = come(seen, name)
    seen.page.route("**/*.safetensors", lambda route: route.fulfill(status=503))
    stroke(seen, demo, "1")
    expect(demo.get_by_role("status")).to_contain_text("cannot be fetched: the server answers 503")
    seen.page.unroute("**/*.safetensors")
    stroke(seen, demo, "1")
    reads(demo, "1")


@on(*NAMES, where=("deck",))
def test_on_a_slide_a_demo_fits_and_its_keys_turn_no_slide(name: str, page: str, visit: Callable[..., Visit]) -> None:
    seen = visit(page, width=1280)
    seen.page.locator(".slides.ready").wait_for()
    seen.page.evaluate(
        "name => Reveal.slide(...Object.values(Reveal.getIndices(document.querySelector(name).closest('section'))))",
        name,
    )
    seen.page.wait_for_function("name => customElements.get(name)", arg=name)
    demo = seen.page.locator(name)
    here = "Reveal.getSlidePastCount()"
    before = seen.page.evaluate(here)
    if name == "draw-digit":
        stroke(seen, demo, "1")
        reads(demo, "1")
    elif name == "linear-probe":
        for _ in range(10):
            demo.get_by_role("button", name="3, 5, 8").click()
        expect(demo.get_by_role("status")).to_contain_text("Test images right: features")
    assert seen.page.evaluate("deckOverflow()") == []
    demo.locator("[tabindex], button, select, input").first.focus()
    for key in ("ArrowRight", "Space", "ArrowLeft", "s", "Home", "End"):
        seen.page.keyboard.press(key)
    assert seen.page.evaluate(here) == before
    assert len(seen.context.pages) == 1, "no speaker view"
    seen.page.keyboard.press("PageDown")
    assert seen.page.evaluate(here) == before + 1
    assert not seen.faults, seen.faults


@on("draw-digit")
def test_in_high_contrast_the_bars_and_the_drawing_are_seen(name: str, page: str, visit: Callable[..., Visit]) -> None:
    seen = visit(page, forced_colors="active")
    demo = come(seen, name)
    stroke(seen, demo, "1")
    reads(demo, "1")
    bar = "demo => getComputedStyle(demo.shadowRoot.querySelector('.best i'), '::before').backgroundColor"
    assert demo.evaluate(bar) != demo.evaluate(
        "demo => getComputedStyle(demo.shadowRoot.querySelector('.all')).backgroundColor"
    )


CUT = """demo => { const box = demo.shadowRoot.querySelector(".scroll"); return box.scrollWidth - box.clientWidth; }"""


def said(demo: Locator) -> str:
    """What the demo has said last."""
    return str(demo.get_by_role("status").inner_text())


def blocks(demo: Locator) -> list[str]:
    """The blocks of the network that is being built."""
    heads = demo.locator("tbody").get_by_role("rowheader").locator("b").all_inner_texts()
    return [head.split(" ", 1)[1] for head in heads if head != "Images"]


def reach(seen: Visit, name: str) -> None:
    """Come to a control by the Tab key alone."""
    for _ in range(120):
        seen.page.keyboard.press("Tab")
        label = "(e => e?.ariaLabel ?? e?.labels?.[0]?.innerText ?? e?.innerText)"
        if seen.page.evaluate(f"{label}(document.activeElement.shadowRoot?.activeElement)?.trim()") == name:
            return
    raise AssertionError(f"the Tab key does not reach {name}")


@on("network-builder")
@pytest.mark.parametrize(("width", "scheme"), [(1350, "light"), (1350, "dark"), (390, "light")])
def test_a_network_is_built_with_keys_alone(
    name: str, page: str, width: int, scheme: str, visit: Callable[..., Visit]
) -> None:
    seen = visit(page, width=width, scheme=scheme)
    demo, keys = come(seen, name), seen.page.keyboard
    demo.get_by_role("button", name="nothing").focus()
    keys.press("Enter")
    assert blocks(demo) == []
    for block in ("Convolution", "Pooling", "Linear"):
        demo.get_by_role("button", name="nothing").focus()
        reach(seen, block)
        keys.press("Space")
    assert blocks(demo) == ["Convolution", "Pooling", "Linear"]
    assert said(demo).startswith("Block 3 is new. 3 blocks, ")
    demo.get_by_role("button", name="nothing").focus()
    reach(seen, "filters")
    keys.type("8")  # the 16 that is there is selected, as Tab does
    keys.press("ArrowUp")
    outputs = demo.locator("tbody tr td:nth-child(2)")
    assert outputs.all_inner_texts() == ["1 × 32 × 32", "9 × 32 × 32", "9 × 16 × 16", "10"]
    reach(seen, "Move block 2 up")
    keys.press("Enter")
    assert blocks(demo) == ["Pooling", "Convolution", "Linear"]
    keys.press("Enter")  # the focus has moved along
    assert said(demo) == "Block 1 is the first already."
    reach(seen, "Remove block 2")
    keys.press("Enter")
    assert blocks(demo) == ["Pooling", "Linear"]
    keys.press("Enter")
    assert blocks(demo) == ["Pooling"]
    assert files(seen) == []
    assert not barriers(seen, name)
    assert seen.page.evaluate("document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth") <= 0
    assert demo.evaluate(CUT) <= 0
    assert not seen.faults, seen.faults


@on("network-builder")
def test_an_impossible_block_is_refused_in_a_sentence_and_nothing_changes(
    name: str, page: str, visit: Callable[..., Visit]
) -> None:
    seen = visit(page)
    demo = come(seen, name)
    demo.get_by_role("button", name="LeNet-5").click()
    lenet = blocks(demo)
    demo.get_by_role("button", name="Move block 6 up").click()
    assert said(demo) == ("Block 6, convolution: it needs feature maps, and what comes before it leaves only a vector.")
    assert blocks(demo) == lenet
    size = demo.get_by_label("size")
    size.fill("9")
    assert re.fullmatch(r"Block \d, \w+: its window of \d × \d is larger than the maps .*\.", said(demo))
    assert size.get_attribute("aria-invalid") is not None
    size.fill("")
    assert said(demo) == "Input: size must be a whole number from 1 to 512."
    size.blur()
    assert (size.input_value(), size.get_attribute("aria-invalid")) == ("32", None)
    size.fill("40")
    assert "8 blocks" not in said(demo)
    assert said(demo).startswith("7 blocks, ")


@on("network-builder")
def test_the_networks_to_begin_with_fit_their_table_at_every_width(
    name: str, page: str, visit: Callable[..., Visit]
) -> None:
    seen = visit(page)
    demo = come(seen, name)
    for preset in ("LeNet-5", "like VGG", "ResNet-18", "like MobileNet"):
        demo.get_by_role("button", name=preset, exact=True).click()
        assert "blocks, " in said(demo)
        for width in (390, 412, 1350):
            seen.widen(width)
            assert demo.evaluate(CUT) <= 0, f"{preset} at {width} px"


def examples(demo: Locator) -> list[int]:
    """How many examples each class has."""
    return [group.get_by_role("button").count() for group in demo.get_by_role("group", name="Examples of class").all()]


def teach(seen: Visit, demo: Locator) -> None:
    """Draw, and add: a square to class A, a line to class B."""
    for letter, what in (("A", "square"), ("B", "1")):
        before = examples(demo)["AB".index(letter)]
        stroke(seen, demo, what)
        demo.get_by_role("button", name=f"Add to class {letter}").click()
        expect(demo.get_by_role("button", name=f"of class {letter}")).to_have_count(before + 1)


def says(demo: Locator, letter: str) -> None:
    """Both heads say this class, and their bars agree."""
    told = rf"Features say {letter} \([01]\.\d+\), raw pixels say {letter} \([01]\.\d+\)\.$"
    expect(demo.get_by_role("status")).to_have_text(re.compile(told))
    for bars in demo.get_by_role("list", name="Probability").all():
        rows = [row.split() for row in bars.get_by_role("listitem").all_inner_texts()]
        probabilities = {row[0]: float(row[-1]) for row in rows if row[-1] != "–"}
        assert sum(probabilities.values()) == pytest.approx(1, abs=0.01)
        assert max(probabilities, key=lambda each: probabilities[each]) == letter


@on("linear-probe")
@pytest.mark.parametrize(("width", "scheme"), [(1350, "light"), (1350, "dark"), (390, "light")])
def test_two_heads_learn_classes_that_are_drawn_and_lose_what_is_removed(
    name: str, page: str, width: int, scheme: str, visit: Callable[..., Visit]
) -> None:
    seen = visit(page, width=width, scheme=scheme)
    demo = come(seen, name)
    demo.get_by_role("button", name="Add to class A").click()
    expect(demo.get_by_role("status")).to_have_text("Nothing is drawn yet.")
    teach(seen, demo)
    expect(demo.get_by_role("status")).to_have_text(re.compile("^Both heads are trained"))
    for what, letter in (("square", "A"), ("1", "B")):
        stroke(seen, demo, what)
        says(demo, letter)
        demo.get_by_role("button", name="Clear").click()
        assert drawn(demo) == 0
    assert [url.rpartition(".")[2] for url in files(seen)] == ["safetensors"], "the weights are fetched once"
    seen.page.mouse.move(0, 0)
    assert not barriers(seen, name)
    assert seen.page.evaluate("document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth") <= 0
    demo.get_by_role("button", name="Remove example 1 of class B").click()
    assert examples(demo) == [1, 0, 0]
    expect(demo.get_by_role("status")).to_have_text("Draw something else, and add it to class B.")
    assert not seen.faults, seen.faults


@on("linear-probe")
def test_classes_are_drawn_added_and_removed_with_keys_alone(name: str, page: str, visit: Callable[..., Visit]) -> None:
    seen = visit(page)
    demo, keys = come(seen, name), seen.page.keyboard
    lines = {"a": ("ArrowUp", "ArrowDown"), "b": ("ArrowLeft", "ArrowRight")}
    for letter, (back, forth) in [*lines.items(), ("", lines["a"])]:
        demo.locator(".pad").focus()
        for key, times in {back: 9, "Space": 1, forth: 18, " ": 1}.items():
            for _ in range(times):
                keys.press(key)
        for _ in range(9):
            keys.press(back)
        if letter:
            keys.press(letter)
            expect(demo.get_by_role("button", name=f"of class {letter.upper()}")).to_have_count(1)
    says(demo, "A")
    reach(seen, "Remove example 1 of class A")
    keys.press("Enter")
    assert examples(demo) == [0, 1, 0]
    assert demo.evaluate("demo => demo.shadowRoot.activeElement.ariaLabel") == "Add to class A"
    keys.press("Space")
    expect(demo.get_by_role("button", name="of class A")).to_have_count(1)
    assert seen.page.evaluate("document.activeElement.localName") == name
    demo.locator(".pad").focus()
    reach(seen, "Reset")
    keys.press("Enter")
    assert examples(demo) == [0, 0, 0]


@on("linear-probe")
def test_a_finger_teaches_a_class_and_does_not_scroll(name: str, page: str, visit: Callable[..., Visit]) -> None:
    seen = visit(page, width=390, has_touch=True, is_mobile=True)
    demo = come(seen, name)
    box: Any = demo.locator(".pad").bounding_box()
    before, client = seen.page.evaluate("window.scrollY"), seen.context.new_cdp_session(seen.page)
    for x, y in [(0.5, 0.2), (0.5, 0.5), (0.5, 0.8), (0, 0)]:
        phase = {0.2: "touchStart", 0: "touchEnd"}.get(y, "touchMove")
        points = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}] if y else []
        client.send("Input.dispatchTouchEvent", {"type": phase, "touchPoints": points})
    assert seen.page.evaluate("window.scrollY") == before
    # a finger's events reach the page a moment later
    seen.page.wait_for_function("demo => demo.intensity.some(Boolean)", arg=demo.element_handle())
    demo.get_by_role("button", name="Add to class A").tap()
    expect(demo.get_by_role("button", name="of class A")).to_have_count(1)
    demo.get_by_role("button", name="Remove example 1 of class A").tap()
    assert examples(demo) == [0, 0, 0]


RIGHT = re.compile(r"Test images right: features (\d+) of 60, raw pixels (\d+) of 60\.")


@on("linear-probe")
@pytest.mark.parametrize("width", [1350, 390])
def test_ready_made_examples_are_added_one_by_one_test_images_counted_and_nothing_moves(
    name: str, page: str, width: int, visit: Callable[..., Visit]
) -> None:
    seen = visit(page, width=width)
    demo = come(seen, name)
    status, height = demo.get_by_role("status"), demo.evaluate("demo => demo.offsetHeight")
    for many in range(1, 11):
        demo.get_by_role("button", name="3, 5, 8").click()
        expect(demo.get_by_role("button", name="Remove example")).to_have_count(3 * many)
        expect(status).to_have_text(re.compile(RIGHT.pattern + " Features say [358]"))
        features, pixels = map(int, RIGHT.findall(status.inner_text())[0])
        assert features > pixels
        assert demo.evaluate("demo => demo.offsetHeight") == height
    assert not barriers(seen, name)
    demo.get_by_role("button", name="3, 5, 8").click()
    expect(status).to_have_text("A class has 10 examples already.")
    demo.get_by_role("button", name="shapes").click()
    expect(status).to_have_text(re.compile(RIGHT.pattern + " Features say (triangle|heart|star)"))
    assert examples(demo) == [1, 1, 1]
    demo.get_by_role("button", name="Mean of 50 draws").click()
    mean = r"Test images right, mean of 50 draws of 1 of each class: features \d\d\.\d%, raw pixels \d\d\.\d%\."
    expect(status).to_have_text(re.compile(f"^{mean}$"))
    demo.get_by_role("button", name="Reset").click()
    assert (examples(demo), drawn(demo)) == ([0, 0, 0], 0)
    assert demo.evaluate("demo => demo.offsetHeight") == height
    assert seen.page.evaluate("document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth") <= 0
    assert not seen.faults, seen.faults


@on("linear-probe")
def test_ready_made_examples_take_the_place_of_no_drawing_of_the_readers(
    name: str, page: str, visit: Callable[..., Visit]
) -> None:
    seen = visit(page)
    demo = come(seen, name)
    demo.get_by_role("button", name="Mean of 50 draws").click()
    expect(demo.get_by_role("status")).to_have_text("Take a ready-made example of each class first.")
    teach(seen, demo)
    demo.get_by_role("button", name="shapes").click()
    expect(demo.get_by_role("status")).to_have_text("The classes hold drawings of yours. Reset removes them.")
    assert examples(demo) == [1, 1, 0]


@on("linear-probe")
def test_weights_or_images_that_cannot_be_fetched_are_told_in_a_sentence_and_asked_for_again(
    name: str, page: str, visit: Callable[..., Visit]
) -> None:
    seen = visit(page)
    demo = come(seen, name)
    for pattern, what in (("**/*.safetensors", "network’s weights"), ("**/*.bin", "images")):
        seen.page.route(pattern, lambda route: route.fulfill(status=503))
        demo.get_by_role("button", name="3, 5, 8").click()
        told = f"The {what} cannot be fetched: the server answers 503."
        expect(demo.get_by_role("status")).to_have_text(told)
        assert examples(demo) == [0, 0, 0]
        seen.page.unroute(pattern)
    demo.get_by_role("button", name="3, 5, 8").click()
    expect(demo.get_by_role("status")).to_have_text(re.compile(RIGHT.pattern))
    assert examples(demo) == [1, 1, 1]


@on("linear-probe")
def test_the_examples_take_the_colours_of_the_page_when_they_change_and_are_seen_in_high_contrast(
    name: str, page: str, visit: Callable[..., Visit]
) -> None:
    dark = """demo => { const area = demo.shadowRoot.querySelector(".thumbs canvas"), seen = area.getContext("2d");
        const each = [...seen.getImageData(0, 0, area.width, area.height).data];
        return each.some((value, at) => at % 4 === 3 && value > 200 && each[at - 1] < 128); }"""
    for forced in ("none", "active"):
        seen = visit(page, forced_colors=forced)
        demo = come(seen, name)
        demo.get_by_role("button", name="3, 5, 8").click()
        expect(demo.get_by_role("status")).to_have_text(re.compile(RIGHT.pattern))
        assert demo.evaluate(dark), "dark by day"
        if forced == "none":
            seen.paint("dark")
            seen.page.wait_for_timeout(100)
            assert not demo.evaluate(dark), "and light by night"
        else:
            bar = "demo => getComputedStyle(demo.shadowRoot.querySelector('.best i'), '::before').backgroundColor"
            ground = "demo => getComputedStyle(demo.shadowRoot.querySelector('.all')).backgroundColor"
            assert demo.evaluate(bar) != demo.evaluate(ground)
