"""One look for every figure: SVG that takes the page's colours, and the shared ways to draw."""

import base64
import io
import re
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
import torch
from bs4 import BeautifulSoup
from conftest import ROOT
from PIL import Image

from neuronup import command, figures, pictures
from neuronup.figures import panels
from tools import pipeline


def line(colour=figures.BLUE):
    """A figure with a line, a label and a legend."""
    fig, ax = figures.panels()
    ax.plot([0, 1], [1.0, 0.5], color=colour, label="loss")
    ax.fill_between([0, 1], [0.4, 0.2], [1.2, 0.9], alpha=0.2)
    ax.set(xlabel="steps taken")
    ax.legend()
    return fig


def test_a_figure_is_a_transparent_drawing_without_size_of_its_own():
    text = figures.svg(line(), "fit")
    assert text.startswith("<svg ")
    head = text[: text.index(">")]
    assert "viewBox" in head
    assert "width=" not in head
    assert "height=" not in head
    assert "#ffffff" not in text
    assert "<metadata" not in text


def test_a_figure_takes_the_colours_and_the_font_of_the_page():
    text = figures.svg(line(), "fit")
    for name in ("blue", "ink", "faint"):
        code = figures.NAMES[name]
        assert f"var(--fig-{name}, {code})" in text
        assert text.count(code) == text.count(f"var(--fig-{name}, {code})")
    assert "DejaVu" not in text
    assert "var(--fig-font, sans-serif)" in text


@pytest.mark.parametrize(("kind", "mode"), [("few", "P"), ("256", "P"), ("257", "RGBA"), ("holes", "RGBA")])
def test_a_picture_of_few_colours_has_a_palette_and_its_own_dots(kind, mode, monkeypatch):
    dots = torch.arange(400.0).reshape(20, 20) // 100
    if kind.isdigit():
        number = torch.arange(400).reshape(20, 20) % int(kind)
        dots = torch.stack([number % 256, number // 256, 0 * number], dim=2) / 255
    if kind == "holes":
        dots[0, 0] = torch.nan

    def drawn():
        fig, ax = figures.panels()
        ax.imshow(dots.numpy(), interpolation="none", cmap="viridis")
        (data,) = re.findall(r'data:image/png;base64,([^"]+)"', figures.svg(fig, "dots"))
        return Image.open(io.BytesIO(base64.b64decode(data)))

    lean = drawn()
    monkeypatch.setattr(figures, "_lean", lambda png: png[0])
    assert lean.mode == mode
    assert lean.convert("RGBA").tobytes() == drawn().tobytes()


def test_text_in_a_figure_stays_text():
    text = figures.svg(line(), "fit")
    assert re.search(r"<text[^>]*>steps taken</text>", text)
    assert re.search(r"<text[^>]*>loss</text>", text)


def test_a_number_written_in_a_figure_keeps_its_digits():
    fig, ax = figures.panels()
    ax.set(yticks=[0.25, 0.125], yticklabels=["0.25", "0.125"])
    drawn = figures.svg(fig, "digits")
    assert ">0.25<" in drawn
    assert ">0.125<" in drawn


def test_an_image_in_a_figure_keeps_its_size():
    fig, ax = figures.panels()
    ax.imshow(torch.zeros(91, 91).numpy(), interpolation="none")
    drawn = figures.svg(fig, "image")
    scale = float(re.search(r'transform="matrix\(([\d.]+)', drawn)[1])
    assert 91 * scale == pytest.approx(ax.get_window_extent().width * 72 / fig.dpi, abs=0.05)


def test_the_ids_of_two_figures_on_a_page_do_not_collide_and_each_is_used():
    first, second = figures.svg(line(), "first"), figures.svg(line(), "second")
    ids = [set(re.findall(r' id="([^"]+)"', text)) for text in (first, second)]
    assert ids[0]
    assert ids[1]
    assert not ids[0] & ids[1]
    for text, own in zip((first, second), ids, strict=True):
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', text)) == own


def test_the_parts_of_a_figure_keep_the_numbers_of_their_steps_and_so_does_what_svgo_makes_of_it(tmp_path):
    fig, (left, right) = panels(columns=2)
    (curve,) = left.plot([0, 1])
    bars = left.bar([0, 1], [1, 2])
    note = left.annotate("here", (0, 0), (1, 1), arrowprops={"arrowstyle": "->"})
    right.set(title="whole")
    figures.step(1, curve, *bars)
    figures.step(2, right)
    figures.step(3, right.axhline(0.5), note)
    figures.save_all({"parts": fig}, tmp_path)

    def parts():
        drawn = (tmp_path / "parts.svg").read_text(encoding="utf-8")
        assert "step-" not in drawn.replace("data-step=", "")  # no id: a figure may stand twice on a page
        found = ElementTree.fromstring(drawn).findall(".//*[@data-step]")
        inner = [[each.get("data-step") for each in part.findall(".//*[@data-step]")] for part in found]
        texts = ["".join(part.itertext()) for part in found]
        return sorted(zip((part.get("data-step") for part in found), inner, texts, strict=True))

    before = parts()
    assert [number for number, _, _ in before] == [*"111", "2", *"333"]
    assert before[3][1] == ["3"]
    assert "whole" in before[3][2]
    assert [text.strip() for number, _, text in before if number == "3"] == ["", "", "here"]
    pipeline.slim(tmp_path)
    after = parts()
    assert {number for number, _, _ in after} == set("123")
    assert [inner for number, inner, _ in after if number == "2"] == [["3"]]
    assert "data-step" not in figures.svg(line(), "fit")


DECKS = sorted((ROOT / "docs" / "lectures").glob("*/slides.md"))


@pytest.mark.parametrize("deck", DECKS, ids=lambda deck: deck.parent.name)
def test_no_note_says_to_cover_a_part_of_a_figure_which_steps_can_hide(deck):
    said = re.findall(r"cover the|with your hand|stand before it", deck.read_text(encoding="utf-8"), re.IGNORECASE)
    assert not said, f"{deck}: let the drawing name its parts (figures.step), and put <!-- .steps --> before the figure"


def test_the_same_figure_drawn_twice_is_the_same_text():
    assert figures.svg(line(), "fit") == figures.svg(line(), "fit")
    assert figures.svg(line(), "fit") != figures.svg(line(figures.ORANGE), "fit")


def test_figures_are_saved_under_their_names(tmp_path):
    figures.save_all({"one": line(), "two": line()}, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.svg", "two.svg"]
    assert (tmp_path / "one.svg").read_text(encoding="utf-8") == figures.svg(line(), "one")


def test_alt_text_is_escaped_and_said_once():
    html = pictures.picture("<svg viewBox=''><svg></svg></svg>", 'a < b & "c"')
    assert html.count("aria-label") == 1
    assert 'role="img" aria-label="a &lt; b &amp; &quot;c&quot;"' in html


def test_a_figure_in_a_notebook_is_the_same_text_in_every_run():
    assert repr(figures.Shown(line(), "The loss falls.")) == "a figure: The loss falls."


def test_a_notebook_shows_a_figure_as_an_image_on_white_paper_with_alt_text_even_before_it_is_trusted():
    html = figures.Shown(line(), 'The "loss" falls.')._repr_html_()
    image = re.fullmatch(r'<img alt="([^"]*)" width="(\d+)" src="data:image/svg\+xml,([ -~]*)">', html)
    assert (image[1], image[2]) == ("The &quot;loss&quot; falls.", "499")
    drawing = unquote(image[3])
    assert ElementTree.fromstring(drawing).tag == "{http://www.w3.org/2000/svg}svg"  # without it no image is drawn
    assert re.match(r'<svg style="background:var\(--fig-ground,#fff\)"', drawing)
    assert "<text" in drawing


def test_the_site_draws_a_notebooks_figure_in_line_as_it_draws_any_other():
    alt, drawing = 'The "loss" & more.', figures.svg(line(), "é 100 % < &amp; #")
    embedded = pictures.embedded(drawing, alt, 499)
    again = str(BeautifulSoup(embedded, "html.parser"))  # nbconvert writes images anew with it
    assert again != embedded
    page = pictures.in_line(f"<p>One</p>{embedded}<p>Two</p>{again}")
    drawn = pictures.picture(drawing.replace("<svg", f"<svg {pictures.PAPER}", 1), alt)
    assert page == f"<p>One</p>{drawn}<p>Two</p>{drawn}"
    sheet = (ROOT / "docs" / "assets" / "course.css").read_text(encoding="utf-8")
    assert "--fig-ground: transparent;" in sheet


def test_a_band_is_the_mean_of_the_runs_in_the_range_that_they_span():
    _, ax = panels()
    figures.band(ax, [1, 2], torch.tensor([[0.0, 1.0], [4.0, 3.0], [2.0, 2.0]]), "loss", marker="o")
    (line,) = ax.lines
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([1, 2], [2, 2])
    assert (line.get_label(), line.get_marker()) == ("loss", "o")
    corners = ax.collections[0].get_paths()[0].vertices
    assert corners.min(0).tolist() == [1, 0]
    assert corners.max(0).tolist() == [2, 4]


def test_curves_are_bands_over_steps_from_1_with_a_legend():
    _, ax = panels()
    figures.curves(ax, {"a": torch.tensor([[1.0, 3.0]]), "b": torch.tensor([[5.0, 5.0], [7.0, 9.0]])})
    drawn = [(line.get_label(), list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines]
    assert drawn == [("a", [1, 2], [1, 3]), ("b", [1, 2], [6, 7])]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]


def test_a_history_shows_both_losses_the_score_and_the_best_epoch():
    found = {"loss": [3.0, 2.0, 1.0], "validation_loss": [3.0, 1.5, 2.5], "validation_score": [0.1, 0.8, 0.7]}
    left, right = figures.history(found, "accuracy").axes
    training, validation, best = left.lines
    assert [list(line.get_ydata()) for line in (training, validation)] == [found["loss"], found["validation_loss"]]
    assert training.get_label() == "training"
    assert list(training.get_xdata()) == [1, 2, 3]
    assert list(best.get_xdata()) == [2, 2]
    assert list(right.lines[0].get_ydata()) == found["validation_score"]
    assert right.get_title() == "accuracy, validation"


def test_a_confusion_matrix_has_a_row_for_each_label_and_leaves_zeros_out_beside_the_diagonal():
    _, ax = panels()
    figures.confusion(ax, torch.tensor([[5, 2], [0, 0]]), ("cat", "dog"))
    written = {text.get_position(): text.get_text() for text in ax.texts}
    assert written == {(0, 0): "5", (1, 0): "2", (1, 1): "0"}
    assert [label.get_text() for label in ax.get_yticklabels()] == ["cat", "dog"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first label is at the top


def test_a_grey_image_is_shown_on_its_own_scale_in_few_levels_and_not_upside_down():
    _, ax = panels()
    figures.greyscale(ax, torch.tensor([[2.0, 4.0], [3.1, torch.nan]]), "image", levels=2)
    (shown,) = ax.images
    assert shown.get_array().filled(9).tolist() == [[0, 1], [0.5, 9]]
    assert (shown.get_cmap().name, shown.origin, ax.get_title()) == ("gray_r", "upper", "image")
    figures.greyscale(ax, torch.tensor([[0.0, 1.0]]), inverted=False)
    assert ax.images[-1].get_cmap().name == "gray"


@pytest.mark.parametrize(("n", "channels", "columns"), [(7, 1, 3), (4, 3, 2), (3, 1, 8)])
def test_tiles_are_laid_out_as_torchvision_does_it(n, channels, columns):
    from torchvision.utils import make_grid

    _, ax = panels()
    x = torch.rand(n, channels, 5, 6, generator=torch.Generator().manual_seed(0))
    figures.tiles(ax, x, columns)
    theirs = make_grid(1 - x if channels == 1 else x, columns, padding=1, pad_value=1.0)
    torch.testing.assert_close(torch.tensor(ax.images[0].get_array()), theirs.permute(1, 2, 0))


def test_a_montage_shows_each_image_on_its_own_scale_with_gaps():
    x = torch.tensor([[[0.0, 2.0]], [[5.0, 6.0]], [[1.0, 1.0]]])
    laid = figures.montage(x, 2).nan_to_num(-1).tolist()
    assert laid == [[0, 1, -1, 0, 1, -1], [-1] * 6, [0, 0, -1, -1, -1, -1], [-1] * 6]


def test_a_grid_has_each_image_under_its_title_and_leaves_the_rest_blank():
    images = [(torch.full((3, 2, 2), float(number)), f"number {number}") for number in (1, 2, 3)]
    axes = figures.grid(images, rows=2, height=3).axes
    assert [ax.get_title() for ax in axes] == ["number 1", "number 2", "number 3", ""]
    assert [ax.axison for ax in axes] == [True, True, True, False]
    assert all(ax.patches for ax in axes[:3])


def test_a_box_goes_round_its_pixels():
    _, ax = panels()
    figures.box(ax, 2, 1, 3, 4, edgecolor=figures.ORANGE)
    (drawn,) = ax.patches
    assert drawn.get_bbox().extents.tolist() == [1.5, 0.5, 4.5, 4.5]
    assert not drawn.get_fill()


def test_drawings_as_a_command_read_one_folder_and_write_the_other(tmp_path, monkeypatch, capsys):
    def draw(source):
        fig, ax = panels()
        ax.set(title=command.kept(source)["title"])
        return {"only": fig}

    command.keep(tmp_path, title="what was kept")
    figures.run(draw, [str(tmp_path), str(tmp_path / "deep" / "figures")])
    assert "what was kept" in (tmp_path / "deep" / "figures" / "only.svg").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["drawings.py"])
    with pytest.raises(SystemExit) as end:  # outputs is not there
        figures.run(draw)
    assert end.value.code == 2
    assert "run the lecture's script with --out outputs first" in capsys.readouterr().err
    assert not (tmp_path / "figures").exists()
    (tmp_path / "outputs").mkdir()
    command.keep(tmp_path / "outputs", title="here")
    figures.run(draw)
    assert "here" in (tmp_path / "figures" / "only.svg").read_text(encoding="utf-8")
