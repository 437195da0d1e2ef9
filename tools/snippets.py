"""The code that a page shows: its regions, the imports that they need, the program that they make when pasted."""

import ast
import builtins
import re
import symtable
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent, indent
from typing import NamedTuple

FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,}) *\{?[^\n`]*?\b(?:python|py)\b[^\n]*\n", re.M)
INCLUDED = re.compile(r'^\s*--8<-- "(?P<path>[\w/.-]+?)(?::(?P<region>[\w-]+))?"$', re.M)
IMPORTS = re.compile(r"^(?P<indent> *)\{\{ imports \}\}$", re.M)
WIDTH = 88
Bound = tuple[str, str, str]  # module, what is taken from it ("" for itself), and its name here


class Region(NamedTuple):
    """A region of a file, as pages include it: its file below the root, its name ("" for the whole), its text."""

    path: str
    name: str
    text: str


def python_fences(markdown: str) -> Iterator[str]:
    """Yield what stands in each fence of Python."""
    for start in FENCE.finditer(markdown):
        yield markdown[start.end() :].partition(f"\n{start['indent']}{start['fence']}")[0]


def region(path: str, name: str, root: Path) -> Region:
    """Read a file, or one of its regions, as a page shows it: without the marks of other regions, dedented."""
    text = (root / path).read_text(encoding="utf-8")
    if name:
        text = text.partition(f"--8<-- [start:{name}]\n")[2].partition(f"--8<-- [end:{name}]")[0]
        text = text.rpartition("\n")[0]  # what stands before the mark in its line
    return Region(path, name, dedent("\n".join(line for line in text.split("\n") if "--8<--" not in line)).strip("\n"))


def shown(markdown: str, root: Path) -> list[Region]:
    """List the regions in the Python fences of a page, in their order; a missing file is named by the build."""
    included = (found for fence in python_fences(markdown) for found in INCLUDED.finditer(fence))
    there = (found for found in included if (root / found["path"]).is_file())
    return [region(found["path"], found["region"] or "", root) for found in there]


def names(code: str) -> tuple[set[str], set[str]]:
    """List the global names that `code` binds, and those that it uses, inside functions too."""
    bound, used = set(), set()
    waiting = [symtable.symtable(code, "a region", "exec")]
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        outermost = table.get_type() == "module"
        for symbol in table.get_symbols():
            if outermost and (symbol.is_assigned() or symbol.is_imported()):
                bound.add(symbol.get_name())
            if symbol.is_referenced() and (outermost or symbol.is_global()):
                used.add(symbol.get_name())
    return bound, used


def known(path: str, root: Path) -> dict[str, Bound]:
    """Map each global name of a file to what an import of it takes from where."""
    found: dict[str, Bound] = {}
    place = Path(path)
    module = ".".join(place.relative_to("code").with_suffix("").parts) if place.parts[0] == "code" else ""
    for node in ast.parse((root / path).read_text(encoding="utf-8")).body:
        match node:
            case ast.Import(names=taken):
                found |= {a.asname or a.name.partition(".")[0]: (a.name, "", a.asname or "") for a in taken}
            case ast.ImportFrom(module=str(origin), names=taken):
                found |= {a.asname or a.name: (origin, a.name, a.asname or "") for a in taken}
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) if module:
                found[name] = (module, name, "")
            case ast.Assign(targets=targets) if module:
                found |= {t.id: (module, t.id, "") for t in targets if isinstance(t, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)) if module:
                found[name] = (module, name, "")
    return found


def imports(regions: list[Region], root: Path) -> str:
    """Write the imports that regions need when they are pasted in their order, sorted as everywhere in the house.

    Raises ValueError for a name that neither a region, nor its file, nor Python knows.
    """
    analysed = [(each, *names(each.text)) for each in regions]
    there = set(dir(builtins)) | {"__name__"}.union(*(bound for _, bound, _ in analysed))
    needed: set[Bound] = set()
    for each, _, used in analysed:
        if missing := used - there:
            here = known(each.path, root)
            if lost := sorted(missing - here.keys()):
                raise ValueError(f"{each.path}:{each.name} uses {', '.join(lost)}, which nothing on the page defines.")
            needed |= {here[name] for name in missing}
    return written(needed, root)


def written(needed: set[Bound], root: Path) -> str:
    """Write imports in three groups, Python's own, those of packages, those of the course."""

    def group(module: str) -> int:
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names:
            return 0
        return 2 if (root / "code" / top).is_dir() or (root / "code" / f"{top}.py").is_file() else 1

    def by_kind(name: str) -> tuple[int, str]:
        return (0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2), name

    groups: list[list[str]] = [[], [], []]
    for module, _, alias in sorted(each for each in needed if not each[1]):
        groups[group(module)].append(f"import {module}" + (f" as {alias}" if alias else ""))
    for module in sorted({module for module, name, _ in needed if name}):
        taken = sorted(
            ((name, alias) for m, name, alias in needed if m == module and name), key=lambda a: by_kind(a[0])
        )
        items = [name + (f" as {alias}" if alias else "") for name, alias in taken]
        line = f"from {module} import {', '.join(items)}"
        if len(line) > WIDTH:
            line = f"from {module} import (\n" + "".join(f"    {item},\n" for item in items) + ")"
        groups[group(module)].append(line)
    return "\n\n".join("\n".join(lines) for lines in groups if lines)


def with_imports(markdown: str, root: Path) -> str:
    """Put the imports that the code of a page needs for the line `{{ imports }}` in it."""

    def put(found: re.Match[str]) -> str:
        return indent(imports(shown(markdown, root), root), found["indent"])

    return IMPORTS.sub(put, markdown)


def pasted(markdown: str, root: Path) -> str:
    """Write the program that the code of a page makes, pasted in its order after its imports."""
    regions = shown(markdown, root)
    return "\n\n\n".join([imports(regions, root), *(each.text for each in regions)]) + "\n"
