"""What can be taken away: a lab as notebook and script, and a lecture as a folder that runs."""

import json
import zipfile
from io import BytesIO
from urllib.request import urlopen

import pytest

from tests.site.built import ROOT, inside, topic, tree


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


def test_a_lab_offers_its_notebook_with_the_outputs(downloads: dict[str, bytes], lab: str) -> None:
    assert "lab.ipynb" in downloads, f"{lab} has no link to lab.ipynb"
    cells = [cell for cell in json.loads(downloads["lab.ipynb"])["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in cells), f"{lab}: lab.ipynb has cells that were not run"
    assert any(cell["outputs"] for cell in cells), f"{lab}: lab.ipynb has no outputs"


def test_a_lab_offers_its_source(downloads: dict[str, bytes], lab: str) -> None:
    assert "lab.py" in downloads, f"{lab} has no link to lab.py"
    assert downloads["lab.py"] == (ROOT / "docs" / "lectures" / topic(lab) / "lab.py").read_bytes()


def test_a_lab_offers_a_folder_with_all_that_it_runs_on(downloads: dict[str, bytes], lab: str) -> None:
    name = topic(lab)
    assert f"{name}.zip" in downloads, f"{lab} has no link to {name}.zip"
    with zipfile.ZipFile(BytesIO(downloads[f"{name}.zip"])) as archive:
        assert archive.testzip() is None
        packed = {path.rpartition("/")[2] for path in archive.namelist()}
        folders = {path.partition("/")[0] for path in archive.namelist()}
    assert folders == {name}, f"{name}.zip unpacks into {folders}, not into one folder {name}"
    assert packed >= {f"{name}.py", "lab.py", "lab.ipynb"}
