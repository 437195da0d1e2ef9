import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pypdf import PdfReader

from tools import browser, pdf
from tools.assets import vendored
from tools.pipeline import ROOT

CONFIG = f"""
site_name: Decks
site_url: https://decks.example/
theme: {{name: material, custom_dir: {ROOT / "overrides"}, font: false}}
plugins: []
markdown_extensions:
  [attr_list, md_in_html, toc, pymdownx.superfences, pymdownx.highlight: {{line_spans: __span}}]
"""
GOOD = """
# A title

<!-- .slide: class="title" -->

Note: Say hello.

---

## Points, one by one

<!-- .steps -->

- a first point
- a second point

--

### A slide below

```{ .python data-lines="1|2" }
x = 1
y = 2
```

---

## The end of [it](other.md)
"""
TALL = "# Much too much\n\n" + "A paragraph that stands on its own.\n\n" * 30
WIDE = """
# Fits

---

## Side by side

<div class="columns" markdown>
<div markdown><p style="width: 900px">Wider than its column, not than the slide.</p></div>
<div markdown>Its neighbour.</div>
</div>
"""


@pytest.fixture(scope="module")
def chromium() -> str:
    path = browser.find()
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("No Chromium on this system.")
    return path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of three decks, built with the course's own template, style sheet and script."""
    folder = tmp_path_factory.mktemp("decks")
    for name in ("deck.js", "deck.css"):
        target = folder / "docs" / "assets" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "docs" / "assets" / name, target)
    for name, source in vendored(ROOT / "node_modules").items():
        if name.startswith("reveal/"):
            target = folder / "docs" / "assets" / "vendor" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    for topic, text in {"good": GOOD, "tall": TALL, "wide": WIDE}.items():
        deck = folder / "docs" / "lectures" / topic / "slides.md"
        deck.parent.mkdir(parents=True)
        deck.write_text(f"---\ntemplate: slides.html\n---\n{text}", encoding="utf-8")
    (folder / "docs" / "lectures" / "good" / "other.md").write_text("# Other\n", encoding="utf-8")
    (folder / "mkdocs.yml").write_text(CONFIG, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "mkdocs", "--quiet", "build"], cwd=folder, check=True)
    return folder / "site"


def by_hand(site: Path, body: str) -> Path:
    """A site of one deck with this body, as the browser would see it when laid out."""
    deck = site / "lectures" / "made" / "slides" / "index.html"
    deck.parent.mkdir(parents=True)
    deck.write_text(f"<!doctype html><script>deckOverflow = () => []</script>{body}", encoding="utf-8")
    return site


def test_a_deck_prints_a_page_for_each_slide_whole_with_all_its_steps(chromium, site, tmp_path, capsys):
    assert pdf.main(["good"], site, tmp_path / "pdf") == 0
    pages = [page.extract_text() for page in PdfReader(tmp_path / "pdf" / "good.pdf").pages]
    for text, words in zip(pages, ["A title", "a second point", "y = 2", "The end of it"], strict=True):
        assert words in text
    assert "Say hello" not in "".join(pages)
    assert capsys.readouterr().out.startswith("pdf/good.pdf: 4 pages, ")
    assert [path.name for path in (tmp_path / "pdf").iterdir()] == ["good.pdf"]


def test_links_on_paper_lead_to_the_published_site(chromium, site, tmp_path):
    pdf.main(["good"], site, tmp_path / "pdf")
    last = PdfReader(tmp_path / "pdf" / "good.pdf").pages[-1]
    assert [note.get_object()["/A"]["/URI"] for note in last["/Annots"]] == [
        "https://decks.example/lectures/good/other/"
    ]


@pytest.mark.parametrize(
    ("topic", "sentence"),
    [("tall", 'tall: the slide "Much too much" (1) is '), ("wide", 'wide: the slide "Side by side" (2) is ')],
)
def test_a_slide_that_does_not_fit_is_named_and_its_deck_not_printed(chromium, site, tmp_path, capsys, topic, sentence):
    assert pdf.main([topic], site, tmp_path / "pdf") == 1
    said = capsys.readouterr().err
    assert said.startswith(sentence)
    assert f"px too {topic}" in said
    assert not (tmp_path / "pdf").exists()


def test_a_deck_with_a_fault_does_not_keep_the_others_from_printing(chromium, site, tmp_path, capsys):
    assert pdf.main([], site, tmp_path / "pdf") == 1
    said = capsys.readouterr()
    assert said.out.startswith("pdf/good.pdf: 4 pages")
    assert len(said.err.splitlines()) == 2


def test_pages_that_are_not_the_slides_leave_the_last_good_pdf(chromium, tmp_path, capsys):
    site = by_hand(
        tmp_path / "site", '<div class="slides ready"><div class="pdf-page"><section>1</section></div></div>'
    )
    out = tmp_path / "pdf"
    assert pdf.main([], site, out) == 0
    good = (out / "made.pdf").read_bytes()
    deck = site / "lectures" / "made" / "slides" / "index.html"
    deck.write_text(
        deck.read_text(encoding="utf-8").replace("</section>", "</section><section>2</section>"), encoding="utf-8"
    )
    assert pdf.main([], site, out) == 1
    assert "made: 2 slides gave 1 pages" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["made.pdf"]
    assert (out / "made.pdf").read_bytes() == good


def test_a_deck_that_never_lays_itself_out_is_given_up(chromium, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(pdf, "PATIENCE", 0.2)
    assert pdf.main([], by_hand(tmp_path / "site", '<div class="slides"></div>'), tmp_path / "pdf") == 1
    assert "made: the deck was not laid out" in capsys.readouterr().err


def test_an_unknown_topic_is_refused_in_a_sentence_that_names_what_there_is(tmp_path, capsys):
    assert pdf.main(["nope"], by_hand(tmp_path, ""), tmp_path / "pdf") == 2
    assert capsys.readouterr().err == "There is no deck nope; there is made.\n"


def test_a_site_that_is_not_built_is_refused(tmp_path, capsys):
    assert pdf.main([], tmp_path / "site", tmp_path / "pdf") == 2
    assert "build the site first" in capsys.readouterr().err


def test_without_chromium_it_says_how_to_get_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(browser, "find", lambda: None)
    assert pdf.main([], by_hand(tmp_path, ""), tmp_path / "pdf") == 2
    assert "install it" in capsys.readouterr().err
