"""How a page comes to be: MkDocs' events in their order, each a few lines over a plain function of `tools`."""

import re
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pymdownx.snippets
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page

from neuronup.pictures import in_line
from tools import assets, launch, lectures, markup, navigation, pipeline, snippets, tries

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache"
BUILDING = ExitStack()  # holds the lock from the first event of a build to its last


def on_config(config: MkDocsConfig) -> None:
    """A missing snippet ends the build in a sentence; labs are read like pages; no repository, no edit links."""
    config.edit_uri = "edit/main/docs/" if config.repo_url else None
    pymdownx.snippets.SnippetMissingError = PluginError
    templates = ROOT / "tools" / "notebook"
    assets.labs_like_pages(templates, config.markdown_extensions, config.mdx_configs)
    settings = (templates, ROOT / "mkdocs.yml", ROOT / "constraints.txt", ROOT / "tools" / "assets.py")
    shown_with = CACHE / "labs" / assets.fingerprint(*settings)
    for other in set(shown_with.parent.glob("*")) - {shown_with}:
        shutil.rmtree(other)
    config.plugins["mkdocs-jupyter"].config["cache_dir"] = str(shown_with)


def on_pre_build(config: MkDocsConfig) -> None:
    """Wait until no other build is at work here; run the scripts, drawings and labs that have changed."""
    BUILDING.enter_context(pipeline.alone(ROOT))
    try:
        lectures.check(ROOT)
        pipeline.build(ROOT)
    except (lectures.Incomplete, pipeline.Failed) as error:
        raise PluginError(str(error)) from None


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the npm parts that the browser needs, and what can be downloaded of each lecture."""
    for name, path in assets.vendored(ROOT / "node_modules").items():
        files.append(File.generated(config, f"assets/vendor/{name}", abs_src_path=str(path)))
    for name, digits in (("mnist", assets.some_digits), ("digits", assets.small_digits)):
        files.append(File.generated(config, f"assets/demos/{name}.bin", content=digits(ROOT / "node_modules")))
    for topic in lectures.topics(ROOT):
        files.append(
            File.generated(config, f"lectures/{topic}/{topic}.py", abs_src_path=str(ROOT / "code" / f"{topic}.py"))
        )
        content = lectures.bundle(topic, ROOT, addresses(config))
        files.append(File.generated(config, f"lectures/{topic}/{topic}.zip", content=content))


def addresses(config: MkDocsConfig) -> lectures.Addresses:
    """Where the site and the repository are, as far as the configuration says."""
    return lectures.Addresses(config.site_url or "", config.repo_url or "")


def on_nav(nav: Navigation, config: MkDocsConfig, files: Files) -> None:
    """Keep the menu, which later events are not told."""
    config.extra["menu"] = nav


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put in the imports of the code that is shown, the numbers, and the glossary's meanings."""
    if page.file.src_uri.endswith(".ipynb"):
        assets.LABS.reset()
        return markdown
    if page.meta.get("template") == "slides.html":
        page.meta["search"] = {"exclude": True}  # a deck says again what its lecture says
    meanings = markup.glossary((ROOT / "docs" / "course" / "glossary.md").read_text(encoding="utf-8"))
    try:
        markdown = launch.with_links(markdown, config.repo_url or "")
        markdown = tries.with_marks(snippets.with_imports(markdown, ROOT))
        markdown = markup.with_numbers(markdown, lectures.topic_of(page.file.src_uri), ROOT / "docs" / "lectures")
    except ValueError as error:
        raise PluginError(f"docs/{page.file.src_uri}: {error}") from None
    return f"{markdown}\n\n{markup.references(meanings, '/course/glossary.md')}\n"


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Draw figures in line; leave out the style sheet that nbconvert puts below each lab."""

    def drawing(src: str) -> str:
        url = (Path("/", page.file.dest_uri).parent / src).resolve().relative_to("/").as_posix()
        return Path(config.docs_dir, url).read_text(encoding="utf-8")

    navigation.number(page, config.extra["menu"])
    if page.file.src_uri.endswith(".ipynb"):
        return markup.searched(in_line(re.sub(r"\s*<style>.*?</style>\s*", "", html, flags=re.S)))
    if page.meta.get("template") != "slides.html":  # only a deck steps through lines
        html = re.sub(r'<span id="__span-[\d-]+">', "<span>", html)
    # Not to be found: what a script printed, imports to paste, solutions (nor in labs).
    for start in ('<div class="language-text', '<details class="note"', '<details class="success"'):
        html = html.replace(start, start.replace(" ", " data-search-exclude ", 1))
    try:
        markup.check_terms(html)
        html = tries.with_outputs(html, Path(config.docs_dir, page.file.src_uri).with_name("tries.ipynb"))
        return markup.with_figures(html, drawing)
    except ValueError as error:
        raise PluginError(f"docs/{page.file.src_uri}: {error}") from None


def on_page_context(context: dict[str, Any], page: Page, config: MkDocsConfig, nav: Navigation) -> None:
    """Tell the templates which lecture a page belongs to, if any; a lab stands beside it, and is edited as lab.py."""
    if page.file.src_uri.endswith(".ipynb"):
        navigation.beside(page, nav)
    if page.edit_url:
        page.edit_url = page.edit_url.replace("lab.ipynb", "lab.py")
    topic = lectures.topic_of(page.file.src_uri)
    context["lecture"] = lectures.about(topic, ROOT) if topic else None
    context["launch"] = launch.launch(config.repo_url or "", topic)
    context["lecture_page"] = navigation.lecture_of(page, nav)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Let the next page be the one that the menu shows; send no blanks that nobody sees."""
    navigation.left(page, config.extra["menu"])
    return markup.unindented(output)


def on_post_build(config: MkDocsConfig) -> None:
    """Make labs fit to be taken away; typeset the maths; leave in the parts of others what is used."""
    site = Path(config.site_dir)
    lectures.take_away(site, ROOT, addresses(config))
    try:
        used = assets.typeset(ROOT / "tools" / "maths.mjs", site, CACHE)
        assets.shake(ROOT / "tools" / "js.mjs", site, CACHE, config.theme["features"])
        assets.purge(ROOT / "tools" / "css.mjs", site, CACHE)
    except ValueError as error:
        raise PluginError(str(error)) from None
    vendor = site / "assets" / "vendor"
    text = "".join({character for page in site.rglob("*.html") for character in page.read_text(encoding="utf-8")})
    needed = {font: used.get(font.stem, used.get("other", "")) for font in vendor.glob("katex/fonts/*.woff2")}
    assets.slim_fonts(needed | dict.fromkeys(vendor.glob("source-sans/*.woff2"), text), CACHE)
    BUILDING.close()


def on_build_error(error: Exception, **_: Any) -> None:
    """Let other builds go on."""
    BUILDING.close()
