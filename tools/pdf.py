"""Print the decks of the built site as PDF: `python -m tools.pdf [topic ...]`, all of them without a topic."""

import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as TooLong
from pypdf import PdfReader

from neuronup.streams import utf8
from tools.browser import NoChromium, launch, serve
from tools.pipeline import ROOT

PATIENCE = 20  # seconds for a deck to lay itself out


class Refused(Exception):
    """What was asked for cannot be printed; the message says why."""


class Faulty(Exception):
    """A deck that does not print as it should; the message says which, and what is wrong."""


def decks(site: Path) -> list[str]:
    """List the topics of the built `site` that have a deck."""
    return sorted(page.parts[-3] for page in site.glob("lectures/*/slides/index.html"))


def chosen(site: Path, words: list[str]) -> list[str]:
    """Return the topics named by `words`, or all. Raises Refused for an unknown one, or a site without decks."""
    there = decks(site)
    if not there:
        raise Refused(f"There is no deck in {site}: build the site first (`nox -s pdf` does).")
    if unknown := [word for word in words if word not in there]:
        raise Refused(f"There is no deck {', '.join(unknown)}; there is {', '.join(there)}.")
    return words or there


def overflow(page: Page) -> list[str]:
    """Say of each slide laid out on `page` that is taller or wider than a slide by how much it is."""
    return page.evaluate("deckOverflow()")


def print_deck(browser: Browser, address: str, pdf: Path) -> int:
    """Print the deck at `address` to the file `pdf`, wholly or not at all; return its number of pages.

    Raises Faulty if it does not lay itself out, if a slide does not fit, or if the pages are not the slides.
    """
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    try:
        page.goto(f"{address}?print-pdf")
        page.wait_for_selector(".slides.ready .pdf-page", timeout=1000 * PATIENCE)
        page.evaluate("document.fonts.ready")
        if faults := overflow(page):
            raise Faulty(f"{pdf.stem}: {'; '.join(faults)}. Say less there, or cut the slide in two.")
        slides = page.locator(".slides section:not(.stack)").count()
        pdf.parent.mkdir(exist_ok=True)
        partial = pdf.with_suffix(".partial")
        page.pdf(path=partial, prefer_css_page_size=True, print_background=True, outline=True, tagged=True)
    except TooLong:
        raise Faulty(
            f"{pdf.stem}: the deck was not laid out within {PATIENCE} seconds; look for errors in a browser."
        ) from None
    finally:
        page.close()
    pages = len(PdfReader(partial).pages)
    if pages != slides:
        partial.unlink()
        raise Faulty(f"{pdf.stem}: {slides} slides gave {pages} pages.")
    partial.replace(pdf)
    return pages


def main(words: list[str], site: Path = ROOT / "site", out: Path = ROOT / "pdf") -> int:
    """Print the decks named by `words` from `site` to `out`; return the exit status."""
    faults = []
    try:
        topics = chosen(site, words)
        with serve(site) as base, sync_playwright() as playwright, launch(playwright) as browser:
            for topic in topics:
                pdf = out / f"{topic}.pdf"
                try:
                    pages = print_deck(browser, f"{base}/lectures/{topic}/slides/", pdf)
                    print(f"{pdf.parent.name}/{pdf.name}: {pages} pages, {pdf.stat().st_size / 1024:.0f} KB")
                except Faulty as fault:
                    faults.append(str(fault))
    except (Refused, NoChromium) as error:
        print(error, file=sys.stderr)
        return 2
    for sentence in faults:
        print(sentence, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    utf8()
    sys.exit(main(sys.argv[1:]))
