"""A built site is made light: what is taken out of its drawings and style sheets, and what stays."""

from pathlib import Path

import pytest
from conftest import ROOT

from tools.parts import lighten

SLIM = ROOT / "tools" / "slim.mjs"
DRAWING = """<svg class="figure" role="img" aria-label="A line &amp; a dot" viewBox="0 0 90 60"><defs>
<path id="dot" d="M 0.0 2.0
L 2.0 0.0
L 0.0 -2.0
z"/></defs><g><g><use href="#dot" x="5.0" y="6.0" style="stroke: var(--fig-blue, #1f5fc4)"/></g></g>
<text x="10.0" y="20.0">0.15</text></svg>"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A built site of one page with a drawing, a script, and a style sheet of others."""
    (tmp_path / "index.html").write_text(f'<p class="lead">A word</p>{DRAWING}<svg class="icon"> </svg>')
    sheets = tmp_path / "assets" / "stylesheets"
    sheets.mkdir(parents=True)
    (sheets / "main.css").write_text(".lead{color:red}.opened{color:blue}.nowhere{color:green}")
    (tmp_path / "assets" / "bundle.js").write_text('part.classList.add("opened")')
    (tmp_path / "assets" / "course.css").write_text(".ours{color:red}")
    return tmp_path


def test_a_drawing_weighs_less_and_keeps_its_words_its_ids_and_the_colours_of_the_page(site: Path) -> None:
    lighten(SLIM, site)
    page = (site / "index.html").read_text()
    drawing = page[page.index("<svg") : page.index("</svg>")]
    assert "m0 2 2-2-2-2z" in drawing, f"the path is as long as it was: {drawing}"
    for part in ('role="img"', 'aria-label="A line &amp; a dot"', 'id="dot"', 'href="#dot"', "var(--fig-blue", "0.15"):
        assert part in drawing, f"{part} is lost in {drawing}"
    assert page.endswith('<svg class="icon"> </svg>'), "an icon of others was changed"


def test_a_style_sheet_keeps_what_a_page_or_a_script_asks_for_and_nothing_else(site: Path) -> None:
    lighten(SLIM, site)
    assert (site / "assets" / "stylesheets" / "main.css").read_text() == ".lead{color:red}.opened{color:blue}"
    assert (site / "assets" / "course.css").read_text() == ".ours{color:red}"


def test_a_drawing_that_cannot_be_read_is_named_by_its_page(site: Path) -> None:
    (site / "index.html").write_text('<svg class="figure"><g></svg>')
    with pytest.raises(ValueError, match=r"^index\.html: a drawing cannot be read: "):
        lighten(SLIM, site)
