"""Try-it cells: lines below the code of a page that call what it has defined, and what they showed when they were run.

They stand as regions in the `tries.py` of a lecture, and are run after the regions that the page shows above them, in
its order. What each showed is kept in `tries.ipynb`, and put below its fence.
"""

import json
import re
from html import escape
from pathlib import Path

from neuronup.pictures import in_line

FENCE = re.compile(
    r'^(?P<indent> *)(?P<fence>`{3,}) *\{[^\n]*\n(?P=indent)--8<-- "[\w/-]+/tries\.py:(?P<name>[\w-]+)"\n'
    r"(?P=indent)(?P=fence)\n",
    re.M,
)
MARK = re.compile(r"<!-- try:([\w-]+) -->")
SEARCHED, NOT_SEARCHED = '<div class="language-python try ', '<div data-search-exclude class="language-python try '


def with_marks(markdown: str) -> str:
    """Put a mark below each fence that holds a try, where what it showed is to stand."""
    return FENCE.sub(r"\g<0>\n\g<indent><!-- try:\g<name> -->\n", markdown)


def with_outputs(html: str, notebook: Path) -> str:
    """Put what each try showed for its mark. Raises ValueError for one that was not run."""
    if not MARK.search(html):
        return html
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"] if notebook.is_file() else []
    outputs = {cell["metadata"]["region"]: cell["outputs"] for cell in cells}

    def put(mark: re.Match[str]) -> str:
        if mark[1] not in outputs:
            raise ValueError(f"the try {mark[1]} has not been run: a deck shows only tries that its page shows.")
        return f'<div class="cell-output" data-search-exclude>{"".join(map(shown, outputs[mark[1]]))}</div>'

    return MARK.sub(put, html).replace(
        '<div class="language-python try ', '<div data-search-exclude class="language-python try '
    )


def shown(output: dict) -> str:
    """Write an output of a notebook's cell as HTML: a figure as a drawing of the page, all else as text."""
    data = output.get("data", {})
    if "text/html" in data:
        return in_line("".join(data["text/html"]))
    return f'<pre tabindex="0">{escape("".join(output.get("text") or data.get("text/plain", "")))}</pre>'
