"""The built site as its tests see it: which pages there are, of which kind, and each as a tree."""

import os
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from bs4 import BeautifulSoup, Tag

ROOT = Path(__file__).parents[2]
SITE = ROOT / "site"
UNDER = urlsplit(os.environ.get("SITE_URL", "")).path.rstrip("/")  # where 404.html believes the site to be


def addresses(*kinds: str) -> list[str]:
    """List the pages of the given kinds (of every kind, if none is given) as addresses below the site."""
    found = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
    pages = [f"/{name.removesuffix('index.html')}" for name in found]
    return [page for page in pages if not kinds or kind(page) in kinds]


def kind(address: str) -> str:
    """Tell a lecture, its deck, its lab and any other page apart by address."""
    found = re.fullmatch(r"/lectures/\w+/(slides/|lab/|)", urlsplit(address).path)
    return {"slides/": "deck", "lab/": "lab", "": "lecture"}[found[1]] if found else "page"


def topic(address: str) -> str:
    """Return the topic of a lecture's page, deck or lab."""
    return address.split("/")[2]


def file_of(address: str) -> Path:
    """Return the file that a web host answers with."""
    path = SITE / unquote(urlsplit(address).path).lstrip("/")
    return path / "index.html" if path.is_dir() else path


@cache
def tree(address: str) -> BeautifulSoup:
    """Read a page as a tree."""
    return BeautifulSoup(file_of(address).read_text(encoding="utf-8"), "html.parser")


@cache
def ids(address: str) -> list[str]:
    """List every id of a page, as often as it is there."""
    return [str(element["id"]) for element in tree(address).find_all(id=True)]


def inside(address: str, reference: str) -> str | None:
    """Resolve a reference on a page to an address below the site; None if it leads to another site."""
    url = urlsplit(urljoin(f"http://here{address}", reference))
    if (url.scheme, url.netloc) != ("http", "here"):
        return None
    path = url.path.removeprefix(UNDER) if reference.startswith("/") else url.path
    return f"{path}#{url.fragment}" if url.fragment else path


def words(element: Tag, *without: str) -> str:
    """Return the text of an element, without that of the tags named (and of those never seen)."""
    hidden = {"script", "style", "template", "annotation", *without}
    texts = (t for t in element.find_all(string=True) if not any(parent.name in hidden for parent in t.parents))
    return " ".join(" ".join(texts).split())


def heading(address: str) -> str:
    """Return the words of a page's first heading, formulas left out."""
    found = tree(address).find(["h1", "h2"])
    assert found, f"{address} has no heading"
    texts = (t for t in found.find_all(string=True) if not t.find_parent(class_=["headerlink", "katex"]))
    return " ".join("".join(texts).split())
