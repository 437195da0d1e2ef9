"""The menu: lectures carry the number of their place in it, and a lab stands there with its lecture."""

from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page

from tools.lectures import topic_of


def lectures_in(nav: Navigation) -> list[Page]:
    """List the pages of the lectures in the order of the menu."""
    return [page for page in nav.pages if topic_of(page.file.src_uri)]


def number(page: Page, nav: Navigation) -> None:
    """Put before the title of a lecture its place among the lectures."""
    lectures = lectures_in(nav)
    if page in lectures:
        page.title = f"{lectures.index(page) + 1}. {page.title}"


def lecture_of(page: Page, nav: Navigation) -> Page | None:
    """Return the lecture that a page, its deck or its lab belongs to, if the menu has it."""
    topic = topic_of(page.file.src_uri)
    return next((each for each in lectures_in(nav) if topic_of(each.file.src_uri) == topic), None)


def beside(lab: Page, nav: Navigation) -> None:
    """Let a lab stand in the menu where its lecture does: before it the lecture, after it the next one.

    It is named and described by its own title and its lecture's.
    """
    if lecture := lecture_of(lab, nav):
        lab.parent, lab.previous_page, lab.next_page = lecture.parent, lecture, lecture.next_page
        lab.meta["description"] = f"{lab.title}. The lab of the lecture “{plain(lecture)}”, to do step by step."
        lecture.active = True


def left(page: Page, nav: Navigation) -> None:
    """Nobody is at a lecture any more whose lab was written."""
    if page.file.src_uri.endswith(".ipynb") and (lecture := lecture_of(page, nav)):
        lecture.active = False


def plain(lecture: Page) -> str:
    """The title of a lecture without its number."""
    return str(lecture.title).partition(". ")[2]
