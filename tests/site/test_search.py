"""Search: it weighs on nobody who does not use it, and finds code, formulas and words however they are spelt."""

import gzip
import json
import random
import re
import string
from collections.abc import Callable
from functools import cache
from itertools import combinations

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Page

from tests.site.built import SITE, addresses, heading, kind, tree
from tests.site.visits import Visit

INDEX = "search/search_index.json"
ANSWERED = """asked => {
  const said = document.querySelector(".md-search-result__meta").textContent.trim();
  return asked ? /matching|result/i.test(said) : said.startsWith("Type to start");
}"""
WHOLE = """() => {
  const count = parseInt(document.querySelector(".md-search-result__meta").textContent) || 0;
  const list = document.querySelector(".md-search__scrollwrap");
  list.scrollTo({ top: list.scrollTop ? 0 : list.scrollHeight }); // who comes to the end is given more
  return document.querySelectorAll(".md-search-result__item").length >= count;
}"""


@cache
def search_index() -> list[dict[str, str]]:
    """Return what the search knows, a part for each heading."""
    return json.loads((SITE / INDEX).read_text(encoding="utf-8"))["docs"]


def searched(page: str) -> str:
    """Return the text of a page without what the search leaves out: solutions, and what tries showed."""
    parts = BeautifulSoup(str(tree(page).article), "html.parser")
    for part in parts.select("[data-search-exclude]"):
        part.decompose()
    return parts.get_text()


def found(page: Page, question: str) -> list[str]:
    """Ask the search, and return the pages that it names, by address."""
    box = page.locator("input[name=query]")
    # The search listens to keys. Its last answer must be gone before it is asked; but an answer to nothing, asked for
    # needlessly, may arrive after the question, and is then shown as the question's.
    for text in ("", question) if box.input_value() else (question,):
        box.fill(text)
        box.press("End")
        page.wait_for_function(ANSWERED, arg=text)
    page.wait_for_function(WHOLE)  # it writes its first answers, and the others when somebody scrolls to them
    links = page.locator(".md-search-result__link").evaluate_all("all => all.map(link => new URL(link.href).pathname)")
    return list(dict.fromkeys(links))


@pytest.fixture
def asking(visit: Callable[..., Visit]) -> Page:
    """The home page, with the search open and its index fetched."""
    seen = visit("/")
    seen.page.locator("label[for=__search]:visible, input[name=query]:visible").first.click()
    seen.page.wait_for_function(
        "document.querySelector('.md-search-result__meta')?.textContent.includes('Type to start searching')"
    )
    return seen.page


def test_a_page_does_not_fetch_the_index_until_somebody_is_about_to_search(visit: Callable[..., Visit]) -> None:
    seen = visit("/")
    assert not [request.url for request in seen.answered if INDEX in request.url]
    for_search = {url: size for url, size in seen.weight().items() if re.search(r"/search[./]|/workers/", url)}
    assert 0 < sum(for_search.values()) <= 30_000, f"what search adds to a page: {for_search}"
    with seen.page.expect_response(re.compile(INDEX)):
        seen.page.keyboard.press("/")


def test_an_address_that_asks_a_question_is_answered(visit: Callable[..., Visit]) -> None:
    seen = visit("/?q=perceptron")
    seen.page.locator(".md-search-result__link[href*='/perceptron/']").first.wait_for(state="attached")


@pytest.mark.parametrize(
    "name", ["manual_seed", "torch.manual_seed", "randperm", "no_grad", "zero_grad()", "cross_entropy", "state_dict"]
)
def test_code_is_found_by_its_name_plain_dotted_or_called(name: str, asking: Page) -> None:
    plain = name.removesuffix("()").rpartition(".")[2]
    there = [page for page in addresses("lecture") if re.search(rf"\b{plain}\b", searched(page))]
    assert there, f"no lecture shows {plain}"
    missing = set(there) - set(found(asking, name))
    assert not missing, f"{name} is on {missing}, and is not found there"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("optimizer", "optimiser"), ("regularization", "regularisation"), ("normalized", "normalised"), ("gray", "grey"),
     ("color", "colour"), ("neighbor", "neighbour"), ("center", "centre"), ("labeled", "labelled")],
)  # fmt: skip
def test_american_spelling_finds_what_british_spelling_finds(theirs: str, ours: str, asking: Page) -> None:
    expected = found(asking, ours)
    assert expected, f"{ours} is found nowhere"
    assert found(asking, theirs) == expected


def test_words_that_only_look_american_are_left_alone(asking: Page) -> None:
    assert "/course/notation/" in found(asking, "size")
    for word in ("parameter", "error"):
        assert found(asking, word), word


@pytest.mark.parametrize(("word", "letter"), [("theta", "θ"), ("eta", "η"), ("sigma", "σ")])
def test_a_greek_letter_is_found_by_itself_and_by_its_name(word: str, letter: str, asking: Page) -> None:
    by_letter = found(asking, letter)
    assert "/course/notation/" in by_letter, f"{letter} is found on {by_letter}"
    assert set(by_letter) <= set(found(asking, word))


def test_what_the_search_shows_has_no_tex_no_notes_and_no_decks() -> None:
    parts = search_index()
    assert not [part["location"] for part in parts if "\\(" in part["text"] or "\\[" in part["text"]]
    assert not [part["location"] for part in parts if "slides/" in part["location"]]
    assert not [part["location"] for part in parts if re.search(r"<p>\s*Note:", part["text"])]
    shown = " ".join(part["text"] for part in parts)
    assert "Wx+b" in shown, "formulas are left out, not shown as text"


def test_the_search_knows_every_page_but_decks(any_page: str) -> None:
    parts = [part for part in search_index() if f"/{part['location'].split('#')[0]}" == any_page]
    if any_page == "/404.html" or kind(any_page) == "deck":
        assert not parts
        return
    assert parts, f"{any_page} is not in the search index"
    assert any(part["title"] for part in parts), f"{any_page} has no title in the search index"
    assert any(part["text"] for part in parts), f"{any_page} has no text in the search index"


def test_the_search_index_is_light() -> None:
    size = len(gzip.compress((SITE / INDEX).read_bytes(), mtime=0))
    assert size <= 300_000, f"the search index weighs {size} bytes, where 300,000 are allowed"


def test_the_search_gives_no_solution_away() -> None:
    answers = [part for part in search_index() if re.search(r"\bdef test_\w+\(", part["text"])]
    assert not [part["location"] for part in answers if part["location"].endswith("#exercises")]
    found = [part for part in search_index() if "/lab/" in part["location"]]
    assert any("attempt(" in part["text"] for part in found)
    assert not [part["location"] for part in found if "@solution" in part["text"]]


def test_search_finds_every_page_by_its_heading(visit: Callable[..., Visit]) -> None:
    seen = visit("/")
    box = seen.page.locator("input[name=query]")
    seen.page.locator("label[for=__search]:visible, input[name=query]:visible").first.click()
    lost = []
    for address in addresses():
        if address == "/404.html" or kind(address) == "deck":
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


def odd_words(seed: int) -> list[str]:
    """Many words with a digit in them, those with z alike but for it: from some such sets lunr made its own."""
    draw, letters = random.Random(seed), string.ascii_lowercase
    starts = ["z" + "".join(draw.choices(letters, k=2)) for _ in range(36)]
    pairs = zip(starts, combinations("123456789", 2), strict=True)
    words = {f"{start}{digit}" for start, digits in pairs for digit in digits}
    for _ in range(300):
        a, b, c, d = draw.choices(letters, k=4)
        words.add(f"{a}{b}{draw.randint(1, 9)}{c}{d}")
    return sorted(words)


@pytest.mark.parametrize("seed", range(6))
def test_words_with_digits_do_not_break_the_search(seed: int, visit: Callable[..., Visit]) -> None:
    """A question for what begins with z met words that are in no page, and failed: see tools/js.mjs."""
    index = json.loads((SITE / INDEX).read_text(encoding="utf-8"))
    index["docs"] = [{"location": "", "title": "Words", "text": " ".join(odd_words(seed)), "tags": []}]
    seen, said = visit("/"), []
    seen.page.route(f"**/{INDEX}", lambda route: route.fulfill(json=index))
    seen.page.on("console", lambda message: said.append(message.text))  # what the search cannot do is a warning to it
    seen.page.locator("label[for=__search]:visible, input[name=query]:visible").first.click()
    box = seen.page.locator("input[name=query]")
    for word in ("z", odd_words(seed)[-1]):
        box.fill(word)
        box.press("End")
        seen.page.wait_for_timeout(300)
    seen.page.locator(".md-search-result__link").first.wait_for()
    assert not said, "\n".join(said)


def test_search_opens_with_a_key_and_a_result_with_enter(visit: Callable[..., Visit]) -> None:
    seen = visit("/")
    address = addresses("lecture")[0]
    seen.page.keyboard.press("/")
    seen.page.keyboard.type(heading(address))
    seen.page.locator(".md-search-result__link").first.wait_for()
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_url(re.compile(f"{seen.host}/lectures/"))
    assert not seen.faults, "\n".join(seen.faults)
