"""What a page is made of, as plain functions: numbers from metrics, terms of the glossary, figures drawn in line."""

import json
import re
from collections import Counter
from collections.abc import Callable
from html import unescape
from pathlib import Path

from neuronup.pictures import picture

NUMBER = re.compile(r"\{\{ *(?:(?P<topic>\w+)/)?(?P<name>\w+)(?::(?P<format>[^{}]*?))? *\}\}")
CODE = re.compile(r'<(code|pre)\b.*?</\1>|<(span|div) class="arithmatex">.*?</\2>', re.S)
KEPT = re.compile(r"(<(pre|script|style|textarea)\b.*?</\2>)", re.S)
CELL, UNSEARCHED = '<div class="language-python', '<div data-search-exclude class="language-python'
TASK = re.compile(r">attempt<|your turn")
UNKNOWN = re.compile(r"\[(?P<text>[^\[\]^<>]+)\]\[(?P<term>[\w -]*)\]")
IMAGE = re.compile(r'<img alt="(?P<alt>[^"]*)" src="(?P<src>(?!https?:)[^"]*\.svg)"[^>]*>')
HEADING = re.compile(r"^## (?P<term>.+?)(?: \{.*\})?\n+(?P<meaning>.+?)(?=\n\n|\Z)", re.M | re.S)


def with_numbers(markdown: str, topic: str, lectures: Path) -> str:
    """Put numbers for `{{ name:format }}` (of `topic`) and `{{ other/name:format }}`.

    Raises ValueError for a lecture without metrics, an unknown name, or a format that does not fit.
    """
    known: dict[str, dict] = {}

    def number(found: re.Match[str]) -> str:
        owner = found["topic"] or topic
        source = lectures / owner / "outputs" / "metrics.json"
        if owner not in known:
            if not source.exists():
                raise ValueError(f"{found[0]}: there is no docs/lectures/{owner}/outputs/metrics.json; name a lecture.")
            known[owner] = json.loads(source.read_text(encoding="utf-8"))
        if found["name"] not in known[owner]:
            names = ", ".join(known[owner])
            raise ValueError(f"{found[0]}: code/{owner}.py records no metric {found['name']!r}, only {names}.")
        try:
            return format(known[owner][found["name"]], found["format"] or "")
        except (ValueError, TypeError):
            raise ValueError(f"{found[0]}: {known[owner][found['name']]!r} does not take this format.") from None

    return NUMBER.sub(number, markdown)


def glossary(markdown: str) -> dict[str, str]:
    """Read the glossary page: its `## term` headings, and the paragraph under each in plain text."""
    plain = {}
    for found in HEADING.finditer(markdown):
        meaning = re.sub(r"\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])|[*`$]", lambda m: m[1] or "", found["meaning"])
        plain[found["term"].lower()] = " ".join(meaning.split())
    return plain


def slug(term: str) -> str:
    """Return the anchor that the glossary page gives to `term`."""
    return re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", term.lower()).strip())


def references(meanings: dict[str, str], page: str) -> str:
    """Define each term for Markdown, so that `[margin][]` and `[margins][margin]` link into the glossary `page`.

    The meaning is the tooltip.
    """
    lines = []
    for term, meaning in meanings.items():
        tooltip = meaning.replace('"', "'")
        lines.append(f'[{term}]: {page}#{slug(term)} "{tooltip}"')
    return "\n".join(lines)


def check_terms(html: str) -> None:
    """Raise ValueError for a link to a term that the glossary does not have: Markdown left it as it was typed."""
    if found := UNKNOWN.search(CODE.sub("", html)):
        term = (found["term"] or found["text"]).lower()
        raise ValueError(f"{found[0]}: docs/course/glossary.md has no heading '## {term}'; add it, or mend the link.")


def with_figures(html: str, drawing: Callable[[str], str]) -> str:
    """Draw each SVG image of ours in line, so that it takes the page's colours.

    `drawing` gives the SVG text behind an image's address. One that stands there again gets ids of its own.
    Raises ValueError for an image without alt text or file.
    """
    times: Counter[str] = Counter()

    def inline(found: re.Match[str]) -> str:
        if not found["alt"].strip():
            raise ValueError(
                f"{found['src']}: a figure needs alt text that says what it shows: ![text]({found['src']})."
            )
        try:
            drawn = drawing(found["src"])
        except FileNotFoundError:
            raise ValueError(
                f"{found['src']}: there is no such figure; let drawings.py draw it, or mend the name."
            ) from None
        times[found["src"]] += 1
        if (again := times[found["src"]]) > 1:
            drawn = re.sub(r'( id="|href="#|url\(#)([\w-]+)', rf"\g<1>\g<2>-{again}", drawn)
        return picture(drawn, unescape(found["alt"]))

    return IMAGE.sub(inline, html)


def unindented(html: str) -> str:
    """Take away the blanks at the beginning and the end of lines, and empty lines, where they show nothing."""
    parts = KEPT.split(html)  # every third is a name of a tag, every third what must stay
    return "".join(
        part if number % 3 == 1 else re.sub(r"\s*\n\s*", "\n", part)
        for number, part in enumerate(parts)
        if number % 3 != 2
    )


def searched(lab: str) -> str:
    """Keep out of the search what a lab shows only to who has asked for it, what it printed, and code without a task.

    Hints and what came out would give a prediction away; exercises and their checks are found.
    """
    lab = lab.replace("<details>", "<details data-search-exclude>")
    lab = lab.replace('<div class="cell-output', '<div data-search-exclude class="cell-output')
    first, *cells = lab.split(CELL)
    return first + "".join(f"{CELL if TASK.search(cell) else UNSEARCHED}{cell}" for cell in cells)
