"""What can be taken away: a lab as notebook and script, and a lecture as a folder that runs."""

import json
import re
import zipfile
from io import BytesIO
from urllib.request import urlopen

import pytest

from tests.site.built import ROOT, inside, topic, tree, words


@pytest.fixture
def downloads(lab: str, host: str) -> dict[str, bytes]:
    """All files that the lab's page offers, by name, as the host answers them."""
    links = [inside(lab, str(a["href"])) for a in tree(lab).find_all("a", href=True)]
    files = {link for link in links if link and link.rpartition(".")[2] in {"ipynb", "py", "zip"}}
    taken = {}
    for link in files:
        with urlopen(host + link) as answer:
            taken[link.rpartition("/")[2]] = answer.read()
    return taken


def test_a_lab_offers_its_notebook_without_the_answers(downloads: dict[str, bytes], lab: str) -> None:
    assert "lab.ipynb" in downloads, f"{lab} has no link to lab.ipynb"
    cells = [cell for cell in json.loads(downloads["lab.ipynb"])["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["execution_count"] or cell["outputs"] for cell in cells), f"{lab}: lab.ipynb was run already"
    assert 'guess = ""' not in words(tree(lab).body), f"{lab} shows the cells that are for those who work along"


def test_a_lab_offers_its_source(downloads: dict[str, bytes], lab: str) -> None:
    assert "lab.py" in downloads, f"{lab} has no link to lab.py"
    source = (ROOT / "docs" / "lectures" / topic(lab) / "lab.py").read_text(encoding="utf-8")
    offered = downloads["lab.py"].decode()
    lines = [line for line in source.splitlines() if "](" not in line]  # links lead to the site
    left = iter(offered.splitlines())
    assert not [line for line in lines if line not in left], "the lab that is offered is another"
    assert not re.search(r"\]\(\.", offered + downloads["lab.ipynb"].decode()), "a link that leads nowhere from there"


def test_a_lab_offers_a_folder_with_all_that_it_runs_on(downloads: dict[str, bytes], lab: str) -> None:
    name = topic(lab)
    assert f"{name}.zip" in downloads, f"{lab} has no link to {name}.zip"
    with zipfile.ZipFile(BytesIO(downloads[f"{name}.zip"])) as archive:
        assert archive.testzip() is None
        packed = {path.rpartition("/")[2] for path in archive.namelist()}
        folders = {path.partition("/")[0] for path in archive.namelist()}
    assert folders == {name}, f"{name}.zip unpacks into {folders}, not into one folder {name}"
    assert packed >= {"README.md", "requirements.txt", f"{name}.py", "lab.py", "lab.ipynb", "checks.py"}


def test_figures_of_a_lab_take_the_colours_of_its_page_and_are_images_in_its_notebook(lab: str) -> None:
    figures = tree(lab).select(".cell-output svg.figure[role=img][aria-label]")
    assert figures, f"{lab} shows no figure"
    assert not tree(lab).select(".cell-output img"), f"{lab} has figures on white paper"
    notebook = (ROOT / "docs" / "lectures" / topic(lab) / "lab.ipynb").read_text(encoding="utf-8")
    images = re.findall(r'<img alt=.*?src=\\"data:image/svg', notebook)
    assert len(images) == len(figures)
