"""The words: the field's terms instead of our own, and a page that is a first reading of at most 25 minutes."""

import ast
import re
from collections import Counter

import pytest
from conftest import ROOT

from tools.lectures import topics

LECTURES = ROOT / "docs" / "lectures"
TOPICS = topics(ROOT)
FIELD = {  # what we once said, and what is said: in full, since some of these are good English elsewhere
    r"slopes?": "derivative, gradient",
    r"(?:the|a|its|this|that|at) bottoms?": "minimum",
    r"bends?": "nonlinearity",
    r"soft neurons?": "logistic regression, a neuron with a sigmoid",
    r"plain descent": "gradient descent",
    r"teach(?:es|ing)? (?:the|a|an|its|this|that|your)? ?(?:neurons?|networks?|nets?|models?|it|them)": "train",
    r"taught": "trained",
    r"pupils?": "trained model",
    r"judg(?:es?|ed|ing)": "evaluate, validation examples",
    r"reads? rightly|rightly reads?|read rightly|well read": "classifies correctly",
    r"misreads?|misread|misreading": "misclassified",
    r"by heart": "memorise",
    r"spreads?": "standard deviation",
    r"sways?": "fluctuates",
    r"guess(?:es|ed)?": "prediction, output",
    r"inks?|inked": "foreground, intensity",
    r"(?:black|white|blank|the|on|of) papers? (?:is|too|instead|ground)|on paper": "background",
    r"scans?": "image",
    r"stairs?": "step decay",
    r"favourites?": "maximally activating patches",
    r"strikes? out": "non-maximum suppression",
    r"dictionar(?:y|ies)": "vocabulary",
    r"numbers? of state": "hidden size",
    r"(?:enter|show|new|keep) gates?": "input gate, output gate, candidate, update gate",
    r"in stretches": "truncated backpropagation through time",
    r"doubts?|doubtful": "smoothing constant",
    r"false alarms?": "false-positive rate",
    r"clouds?": "approximate posterior; points",
    r"walk(?:s|ed|ing)?": "interpolation",
    r"cures?": "regularisers",
    r"recipes?": "configuration",
    r"rivals?": "baseline",
    r"drown(?:s|ed)?": "be outweighed",
    r"jitter(?:s|ed)?": "random translation",
    r"for ever": "without end",
    r"for want of": "since there is no",
}
ALLOWED: dict[str, Counter[str]] = {  # where a term is explained by an everyday word, or the word means itself
    "maths": Counter({r"slopes?": 1}),  # the derivative is the slope of a graph
}


def prose(text: str) -> str:
    """The words of a page or deck that a reader meets: no code, formulas, addresses; alt texts, notes, answers too."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)
    text = re.sub(r"^( *)```.*?^\1```", "", text, flags=re.S | re.M)
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$|\{\{.*?\}\}|`[^`\n]+`|<!--.*?-->|<[^>]+>", " ", text, flags=re.S)
    return re.sub(r"\]\([^)]*\)|\]\[[^\]]*\]|^\[\^[\w-]+\]:.*(?:\n {4}.*)*", " ", text, flags=re.M)


def spoken(source: str) -> str:
    """The texts of a Python file that somebody reads who runs it: what it prints and what it writes into figures."""
    tree = ast.parse(source)
    kinds = ast.Module | ast.FunctionDef | ast.ClassDef
    documented = [each.body[0] for each in ast.walk(tree) if isinstance(each, kinds) and ast.get_docstring(each)]
    skipped = {id(each.value) for each in documented if isinstance(each, ast.Expr)}
    texts = [each.value for each in ast.walk(tree) if isinstance(each, ast.Constant) and id(each) not in skipped]
    return "\n".join(text for text in texts if isinstance(text, str) and " " in text)


def cells(source: str) -> str:
    """The prose of a lab: its Markdown cells."""
    marked = re.findall(r"^# %% \[markdown\]\n(.*?)(?=^# %%|\Z)", source, flags=re.S | re.M)
    return prose("\n".join(re.sub(r"^# ?", "", cell, flags=re.M) for cell in marked))


def said(topic: str) -> str:
    """All that is said in a lecture, wherever."""
    folder = LECTURES / topic
    texts = [prose((folder / name).read_text(encoding="utf-8")) for name in ("index.md", "slides.md")]
    if (lab := folder / "lab.py").is_file():
        texts.append(cells(lab.read_text(encoding="utf-8")))
    for path in (folder / "drawings.py", ROOT / "code" / f"{topic}.py"):
        texts.append(spoken(path.read_text(encoding="utf-8")))
    return "\n".join(texts)


def first_reading(page: str) -> int:
    """How many words a first reader of a page reads: no code, tables, folded parts, quiz, exercises and sources."""
    page = re.sub(r"^(?:\?\?\?|/// caption).*\n(?:(?: {4}.*)?\n)*", "", page, flags=re.M)
    page = re.sub(r"^## (?:Check yourself|Exercises|Sources)\n.*?(?=^## |\Z)", "", page, flags=re.S | re.M)
    page = re.sub(r"^\|.*\n|^!\[.*\n", "", page, flags=re.M)
    return len(re.findall(r"[\w’'-]*[A-Za-z][\w’'-]*", prose(page)))


@pytest.mark.parametrize("topic", TOPICS)
def test_a_lecture_says_it_in_the_words_of_the_field(topic):
    text, allowed = said(topic), ALLOWED.get(topic, Counter())
    for ours, theirs in FIELD.items():
        found = re.findall(rf"\b(?:{ours})\b", text, flags=re.I)
        lines = [line.strip() for line in text.splitlines() if re.search(rf"\b(?:{ours})\b", line, flags=re.I)]
        assert len(found) <= allowed[ours], f"{topic} says {found}, where the field says {theirs}: {lines}"


@pytest.mark.parametrize("topic", TOPICS)
def test_a_page_is_a_first_reading_of_at_most_25_minutes(topic):
    assert first_reading((LECTURES / topic / "index.md").read_text(encoding="utf-8")) <= 2200


@pytest.mark.parametrize("topic", TOPICS)
def test_the_imports_stand_where_the_first_code_is(topic):
    page = (LECTURES / topic / "index.md").read_text(encoding="utf-8")
    between = page[page.index("{{ imports }}") : page.index("```python\n--8<--")]
    assert not re.findall(r"^## .*", between, flags=re.M)
    assert len(prose(between).split()) < 120


@pytest.mark.parametrize("demo", sorted((ROOT / "docs" / "assets" / "demos").glob("*.js")), ids=lambda demo: demo.stem)
def test_a_demo_says_it_in_the_words_of_the_field(demo):
    text = re.sub(r"--[\w-]+", "", demo.read_text(encoding="utf-8"))  # colours have names of their own
    for ours, theirs in {**FIELD, r"papers?": "background"}.items():
        found = re.findall(rf"\b(?:{ours})\b", text, flags=re.I)
        assert not found, f"{demo.name} says {found}, where the field says {theirs}"


OTHERS = [ROOT / "docs" / "index.md", *sorted((ROOT / "docs" / "course").rglob("*.md"))]


@pytest.mark.parametrize("page", OTHERS, ids=lambda page: page.stem)
def test_the_other_pages_say_it_in_the_words_of_the_field(page):
    text, allowed = prose(page.read_text(encoding="utf-8")), ALLOWED.get(page.stem, Counter())
    for ours, theirs in FIELD.items():
        found = re.findall(rf"\b(?:{ours})\b", text, flags=re.I)
        assert len(found) <= allowed[ours], f"{page.name} says {found}, where the field says {theirs}"
