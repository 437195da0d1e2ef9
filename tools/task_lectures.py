"""The pipeline: tasks for each script, its drawings, lab and tries; run when what they stand on has changed.

What takes long comes first, so that at the end no processor waits for another.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pytask import Product, PythonNode, mark, task

from tools import snippets
from tools.pipeline import ROOT, imported, run_drawings, run_lab, run_script, run_tries

CODE = ROOT / "code"
PINS = ROOT / "constraints.txt"
MACHINE = Path(__file__).with_name("pipeline.py")
SLIMMER = [Path(__file__).with_name("svg.mjs"), ROOT / "package-lock.json"]


@dataclass(kw_only=True)
class Folder:
    """A folder as a pytask node: changed when any file in it is changed, missing or new."""

    name: str
    folder: Path
    attributes: dict[Any, Any] = field(default_factory=dict)

    @property
    def signature(self) -> str:
        """What tells this node from others."""
        return hashlib.sha256(self.name.encode()).hexdigest()

    def state(self) -> str | None:
        """Fingerprint of the names and contents of its files; None when there is no such folder."""
        if not self.folder.is_dir():
            return None
        seen = hashlib.sha256()
        for path in sorted(path for path in self.folder.rglob("*") if path.is_file()):
            seen.update(path.relative_to(self.folder).as_posix().encode() + path.read_bytes())
        return seen.hexdigest()

    def load(self, is_product: bool = False) -> "Folder":
        """Hand itself to the task."""
        return self

    def save(self, value: Any) -> None:
        """Refuse: the task itself fills the folder."""
        raise TypeError(f"{self.name} is filled by its task.")


for lecture in sorted((ROOT / "docs" / "lectures").iterdir()):
    script, drawings, lab = CODE / f"{lecture.name}.py", lecture / "drawings.py", lecture / "lab.py"

    if script.exists():
        script_stands_on = [*imported(script, CODE), PINS, MACHINE]
        outputs = Folder(name=f"{lecture.name}/outputs", folder=lecture / "outputs")

        @task(id=lecture.name)
        @mark.try_first
        def task_script(
            script: Path = script,
            stands_on: list[Path] = script_stands_on,
            outputs: Annotated[Any, Product] = outputs,
        ) -> None:
            run_script(script, outputs.folder)

    if drawings.exists():
        drawings_stand_on = [*imported(drawings, CODE), PINS, MACHINE, *SLIMMER]
        figures = Folder(name=f"{lecture.name}/figures", folder=lecture / "figures")

        @task(id=lecture.name)
        @mark.try_last
        def task_drawings(
            drawings: Path = drawings,
            stands_on: list[Path] = drawings_stand_on,
            outputs: Any = outputs,
            figures: Annotated[Any, Product] = figures,
        ) -> None:
            run_drawings(drawings, outputs.folder, figures.folder)

    if (lecture / "tries.py").exists():
        regions = snippets.shown((lecture / "index.md").read_text(encoding="utf-8"), ROOT)
        sources = {ROOT / each.path for each in regions}
        modules = {path for source in sources for path in [source, *imported(source, CODE)]}
        tries_stand_on = [*sorted(modules), PINS, MACHINE, *SLIMMER]
        shown = PythonNode(value="\0".join(each.text for each in regions), hash=True)

        @task(id=lecture.name)
        @mark.try_last
        def task_tries(
            page: str = str(lecture / "index.md"),  # no path: of its text, only the code counts
            code: Any = shown,
            stands_on: list[Path] = tries_stand_on,
            notebook: Annotated[Path, Product] = lecture / "tries.ipynb",
        ) -> None:
            run_tries(Path(page), notebook)

    if lab.exists():
        lab_stands_on = [*imported(lab, CODE), PINS, MACHINE, *SLIMMER]

        @task(id=lecture.name)
        def task_lab(
            lab: Path = lab,
            stands_on: list[Path] = lab_stands_on,
            notebook: Annotated[Path, Product] = lecture / "lab.ipynb",
        ) -> None:
            run_lab(lab, notebook)
