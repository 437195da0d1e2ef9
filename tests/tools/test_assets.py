"""What is made light: drawings, notebooks, the style sheets and fonts of a built site; and what stays in them."""

import json
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT
from fontTools.ttLib import TTFont

from neuronup.pictures import embedded, in_line
from tools import assets, pipeline

CSS = ROOT / "tools" / "css.mjs"
FONT = "@fontsource-variable/source-sans-3/files/source-sans-3-latin-wght-normal.woff2"
DRAWING = """<svg class="figure" role="img" aria-label="A line &amp; a dot" viewBox="0 0 90 60"><defs>
<path id="dot" d="M 0.0 2.0
L 2.0 0.0
L 0.0 -2.0
z"/></defs><g><g><use href="#dot" x="5.0" y="6.0" style="stroke: var(--fig-blue, #1f5fc4)"/></g></g>
<text x="10.0" y="20.0">0.15</text></svg>"""
STAYS = ('role="img"', 'aria-label="A line &amp; a dot"', 'id="dot"', 'href="#dot"', "var(--fig-blue", "0.15")


def test_a_drawing_weighs_less_and_keeps_its_words_its_ids_and_the_colours_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "line.svg").write_text(DRAWING, encoding="utf-8")
    pipeline.slim(tmp_path)
    drawing = (tmp_path / "line.svg").read_text(encoding="utf-8")
    assert "m0 2 2-2-2-2z" in drawing, f"the path is as long as it was: {drawing}"
    assert not [part for part in STAYS if part not in drawing]


def test_the_figures_of_a_notebook_weigh_less_and_all_else_stays(tmp_path: Path) -> None:
    images = [embedded(DRAWING, "A line & a dot", 90), '<svg class="icon"> </svg>']
    output = {"data": {"text/html": images, "text/plain": ["Shown"]}}
    book = {"cells": [{"source": ["a = 1"]}, {"source": [DRAWING], "outputs": [output, {"text": ["é\n"]}]}]}
    (tmp_path / "lab.ipynb").write_text(json.dumps(book), encoding="utf-8")
    pipeline.slim(tmp_path / "lab.ipynb")
    slimmed = json.loads((tmp_path / "lab.ipynb").read_text(encoding="utf-8"))
    html = slimmed["cells"][1]["outputs"][0]["data"].pop("text/html")
    page = in_line(html)
    assert page.startswith('<svg class="figure"')
    assert "m0 2 2-2-2-2z" in page
    assert page.endswith('<svg class="icon"> </svg>')
    assert not [part for part in (*STAYS, "--fig-ground", 'aria-label="A line &amp; a dot"') if part not in page]
    assert html.isascii()
    output["data"].pop("text/html")
    assert slimmed == book


def test_a_drawing_that_cannot_be_read_is_named_and_no_other_is_changed(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text(DRAWING, encoding="utf-8")
    (tmp_path / "b.svg").write_text("<svg><g></svg>", encoding="utf-8")
    with pytest.raises(pipeline.Failed, match=r"b\.svg: a drawing cannot be read: "):
        pipeline.slim(tmp_path)
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == DRAWING


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A built site of one page, a script, and a style sheet of others."""
    sheets = tmp_path / "site" / "assets" / "stylesheets"
    sheets.mkdir(parents=True)
    site = tmp_path / "site"
    (site / "index.html").write_text('<p class="lead">Nowhere</p><script>open("told")</script>', encoding="utf-8")
    (sheets / "main.css").write_text(
        ".lead{color:red}.opened,.told{color:blue}.nowhere,.Nowhere{color:green}", encoding="utf-8"
    )
    (site / "assets" / "bundle.js").write_text('part.classList.add("opened")', encoding="utf-8")
    (site / "assets" / "course.css").write_text(".ours{color:red}", encoding="utf-8")
    return site


def test_a_style_sheet_keeps_what_a_page_or_a_script_asks_for_and_nothing_else(site: Path) -> None:
    assets.purge(CSS, site, site.parent)
    left = (site / "assets" / "stylesheets" / "main.css").read_text(encoding="utf-8")
    assert left == ".lead{color:red}.opened,.told{color:blue}"
    assert (site / "assets" / "course.css").read_text(encoding="utf-8") == ".ours{color:red}"


def test_a_drawing_in_a_variable_goes_if_nothing_left_reads_it_and_what_markdown_may_make_if_no_page_has_it(
    site: Path,
) -> None:
    sheet = site / "assets" / "stylesheets" / "main.css"
    drawing = """url("data:image/svg+xml,<svg><!--(c) them; 2025--><path d='M0 0'/></svg>")"""
    sheet.write_text(
        f":root{{--lead:{drawing};--tip:{drawing};--ours:{drawing};--none:{drawing}}}.lead{{mask:var(--lead)}}"
        ".tip{mask:var(--tip)}[dir=rtl] .lead{color:red}.opened{color:blue}",
        encoding="utf-8",
    )
    (site / "assets" / "course.css").write_text(".ours{mask:var(--ours)}", encoding="utf-8")
    (site / "assets" / "bundle.js").write_text('part.classList.add("opened", "tip", "rtl")', encoding="utf-8")
    assets.purge(CSS, site, site.parent)
    left = f":root{{--lead:{drawing};--ours:{drawing};}}.lead{{mask:var(--lead)}}.opened{{color:blue}}"
    assert sheet.read_text(encoding="utf-8").replace("\\3c ", "<") == left


def test_a_style_sheet_is_purged_again_when_a_page_asks_for_more_and_not_for_another_word(site: Path) -> None:
    sheet = site / "assets" / "stylesheets" / "main.css"
    whole, page = sheet.read_text(encoding="utf-8"), (site / "index.html").read_text(encoding="utf-8")
    assets.purge(CSS, site, site.parent)
    (kept,) = (site.parent / "css").iterdir()
    kept.write_text(json.dumps(["/* kept */"]), encoding="utf-8")  # as can be seen when it is taken
    for text, left in {
        page.replace("Nowhere", "Another"): "/* kept */",
        page.replace("lead", "nowhere"): ".opened,.told{color:blue}.nowhere{color:green}",
    }.items():
        sheet.write_text(whole, encoding="utf-8")
        (site / "index.html").write_text(text, encoding="utf-8")
        assets.purge(CSS, site, site.parent)
        assert sheet.read_text(encoding="utf-8") == left
    assert len(list((site.parent / "css").iterdir())) == 1


def test_the_themes_script_keeps_the_features_that_the_site_has_and_is_shaken_once(tmp_path: Path) -> None:
    scripts = tmp_path / "site" / "assets" / "javascripts"
    scripts.mkdir(parents=True)
    theme = (
        "(()=>{var C=JSON.parse(document.getElementById('c').textContent);"
        "function has$(e){return C.features.includes(e)}function wide(){return 'much that only this needs'}"
        "has$('x'),has$(\"search.highlight\")&&alert('marked'),has$(\"navigation.instant\")&&alert(wide()),"
        'other.has$("navigation.instant")})();'
    )
    for name in ("bundle.1.min.js", "search.2.min.js"):
        (scripts / name).write_text(theme, encoding="utf-8")
    for _ in range(2):
        (scripts / "bundle.1.min.js").write_text(theme, encoding="utf-8")
        assets.shake(CSS.with_name("js.mjs"), tmp_path / "site", tmp_path, ["search.highlight", "toc.follow"])
        left = (scripts / "bundle.1.min.js").read_text(encoding="utf-8")
        assert "marked" in left
        assert "much that only" not in left
        assert left.count("navigation.instant") == 1  # that of another function of the same name
        (kept,) = (tmp_path / "js").iterdir()
    assert (scripts / "search.2.min.js").read_text(encoding="utf-8") == theme
    kept.write_text(json.dumps(["/* kept */"]), encoding="utf-8")  # as can be seen when it is taken
    for features, text in (
        (["search.highlight", "toc.follow"], "/* kept */"),
        (["navigation.instant"], "much that only"),
    ):
        (scripts / "bundle.1.min.js").write_text(theme, encoding="utf-8")
        assets.shake(CSS.with_name("js.mjs"), tmp_path / "site", tmp_path, features)
        assert text in (scripts / "bundle.1.min.js").read_text(encoding="utf-8")


def test_the_module_of_a_demo_loses_its_comments_and_long_names_and_exports_as_before(tmp_path: Path) -> None:
    (tmp_path / "assets" / "demos").mkdir(parents=True)
    (tmp_path / "assets" / "javascripts").mkdir()
    module = tmp_path / "assets" / "demos" / "a-demo.js"
    module.write_text(
        "/** Why. */\nconst longName = [1];\nexport function twice() { return longName.concat(longName); }\n",
        encoding="utf-8",
    )
    assets.shake(CSS.with_name("js.mjs"), tmp_path, tmp_path / "cache", [])
    left = module.read_text(encoding="utf-8")
    assert left.startswith("const ")
    assert "export function twice()" in left
    assert not [word for word in ("Why", "longName", "\n") if word in left]


def test_a_font_keeps_the_characters_that_are_used_and_is_cut_once(tmp_path: Path, monkeypatch) -> None:
    font = tmp_path / "font.woff2"
    whole = (ROOT / "node_modules" / FONT).read_bytes()

    def cut(characters: str) -> set[int]:
        font.write_bytes(whole)
        assets.slim_fonts({font: characters}, tmp_path / "cache")
        with TTFont(font) as small:
            return set(small.getBestCmap())

    assert cut("neuron") == set(map(ord, "neuro"))
    assert len(font.read_bytes()) < len(whole) / 4
    assert cut("up") == {ord("u"), ord("p")}
    monkeypatch.setattr(assets, "subset_of", lambda *_: pytest.fail("it is cut again"))
    assert cut("uupp") == {ord("u"), ord("p")}
    assert len(list((tmp_path / "cache" / "fonts").iterdir())) == 1


def test_a_program_that_fails_says_why_and_nothing_else(tmp_path: Path) -> None:
    program = tmp_path / "program.mjs"
    program.write_text('console.error("because"); process.exit(1)', encoding="utf-8")
    with pytest.raises(ValueError, match=r"^because$"):
        assets.node(program)
    assert subprocess.run(["node", "--version"], capture_output=True).returncode == 0
