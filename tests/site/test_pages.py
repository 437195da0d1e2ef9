"""Each page of the built site in Chromium, wide and narrow, light and dark: what it loads and whom it serves."""

from collections.abc import Callable

from tests.site.built import addresses, kind
from tests.site.visits import PAINTS, Visit

BUDGETS = {"page": 150_000, "lecture": 150_000, "deck": 220_000, "lab": 300_000}
REACH = """() => {
  document.querySelectorAll("details").forEach(part => part.open = true);
  const { scrollWidth, clientWidth } = document.scrollingElement;
  const clipped = part => part && part !== document.body
    && (getComputedStyle(part).overflowX !== "visible" || clipped(part.parentElement));
  const beyond = [...document.body.querySelectorAll("*")].filter(part =>
    part.getBoundingClientRect().right > clientWidth + 1 && !clipped(part.parentElement));
  return [scrollWidth, clientWidth, beyond.slice(0, 4).map(part =>
    `${Math.round(part.getBoundingClientRect().right)} px: ${part.outerHTML.slice(0, 200)}`)];
}"""


def amiss(seen: Visit) -> list[str]:
    """List what is wrong with how a page loaded: requests, errors, weight, shifts, palette."""
    faults = list(seen.faults)
    if len(seen.answered) > 20:
        asked = "\n    ".join(request.url.removeprefix(seen.host) for request in seen.answered)
        faults.append(f"{len(seen.answered)} requests, where 20 are allowed:\n    {asked}")
    weight, budget = seen.weight(), BUDGETS[kind(seen.address)]
    if sum(weight.values()) > budget:
        items = sorted(weight.items(), key=lambda item: -item[1])
        heaviest = "\n    ".join(f"{size:7,} {url}" for url, size in items)
        faults.append(f"{sum(weight.values()):,} bytes, where {budget:,} are allowed:\n    {heaviest}")
    shifts = seen.page.evaluate("shifts")
    if (total := sum(shift for shift, _ in shifts)) > 0.02:
        moved = "\n    ".join(f"{shift:.3f} {what}" for shift, what in shifts)
        faults.append(f"the layout shifts by {total:.3f}, where 0.02 are allowed:\n    {moved}")
    paint = seen.page.evaluate("document.body.dataset.mdColorScheme")
    if paint != PAINTS[seen.scheme]:
        faults.append(f"the palette is {paint!r} where the system asks for {seen.scheme}")
    return [f"{seen}: {fault}" for fault in faults]


FIRST = [*addresses("page"), *(addresses(kind)[0] for kind in ("lecture", "deck", "lab") if addresses(kind))]


def test_a_page_is_light_and_still_and_serves_everyone_on_a_desk(any_page: str, visit: Callable[..., Visit]) -> None:
    seen = visit(any_page, width=1350, scheme="light")
    faults = amiss(seen)
    if kind(any_page) != "deck":  # axe takes a link that is scrolled half out of sight for a small one: show all
        seen.page.set_viewport_size({"width": 1350, "height": 2000})
    faults += seen.barriers()
    if kind(any_page) == "deck" or any_page in FIRST:  # a text has the colours of its phone; the frame is one for all
        seen.paint("dark")
        faults += seen.pale()
    assert not faults, "\n".join(faults)


def test_a_page_fits_a_phone_in_the_dark_and_serves_everyone_there(any_page: str, visit: Callable[..., Visit]) -> None:
    seen = visit(any_page, width=412, scheme="dark")
    faults = amiss(seen)
    seen.widen(390)
    content, window, beyond = seen.page.evaluate(REACH)
    if content > window:
        faults.append(f"{seen}: scrolls sideways, {content} px in {window} px; reaching to {beyond}")
    whole = kind(any_page) == "deck" or any_page in FIRST  # a deck is read there, which is a view of its own
    faults += seen.barriers() if whole else seen.cramped()
    if any_page in FIRST:
        seen.paint("light")
        faults += seen.pale()
    if kind(any_page) != "deck":  # which is zoomed, not set in larger letters
        seen.page.add_style_tag(content="html { font-size: 250% !important }")  # twice Material's own
        content, window, beyond = seen.page.evaluate(REACH)
        if content > window:
            faults.append(f"{seen}, letters twice as large: {content} px in {window} px; reaching to {beyond}")
    assert not faults, "\n".join(faults)
