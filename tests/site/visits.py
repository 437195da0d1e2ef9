"""A visit to a page in Chromium, and what it showed: requests, weight, errors, shifts, and what axe finds."""

from typing import Any

from playwright.sync_api import Browser, Request

from tests.site.built import ROOT

HEIGHTS = {390: 844, 412: 823, 1350: 940}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PAINTS = {"light": "default", "dark": "slate"}
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
SHIFTS = """
window.shifts = [];
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) shifts.push(
    [entry.value, entry.sources.map(({node}) => (node?.outerHTML ?? node?.textContent ?? "?").slice(0, 200))]);
}).observe({ type: "layout-shift", buffered: true });
"""
READY = ".slides.ready"
STANDS = f"document.querySelector('.slides') === null || document.querySelector('{READY}') !== null"
SETTLED = """async () => {
  const drawn = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  await drawn(); // what is drawn asks for its fonts
  await document.fonts.ready;
  const late = new Promise(done => setTimeout(done, 2000)); // some motion never ends
  await Promise.race([late, Promise.all(document.getAnimations().map(motion => motion.finished))]);
  await drawn();
}"""
CHOOSE = "paint => document.querySelector(`.md-option[data-md-color-scheme=${paint}]`)?.click()"
COLOURS = ["color-contrast", "link-in-text-block"]
WIDTHS = ["scrollable-region-focusable", "target-size", *COLOURS]
THIN = """() => {  // axe looks at each element: leave one code token of each kind, and one formula in a line
  document.querySelectorAll("details").forEach(part => part.open = true);
  const seen = new Set();
  for (const token of document.querySelectorAll("pre code span:not(.line)"))
    if (token.textContent.trim().length < 2 || seen.size === seen.add(token.className).size)
      token.replaceWith(...token.childNodes);  // it says nothing of single letters
  const formulas = [...document.querySelectorAll(".katex")].filter(formula => !formula.closest(".katex-display"));
  formulas.slice(1).forEach(formula => formula.remove());
}"""
FAULTS = """async ([type, values]) => {
  const { violations } = await axe.run({ runOnly: { type, values }, resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, target, failureSummary }) =>
    [id, target.join(" "), html.slice(0, 300), failureSummary.split("\\n").slice(1).join(" ").trim()]));
}"""


class Visit:
    """A page opened in a fresh context at a width, in a palette, with or without scripts."""

    def __init__(
        self, browser: Browser, host: str, address: str, width: int = 1350, scheme: str = "light", **options: Any
    ) -> None:
        self.host, self.address, self.width, self.scheme = host, address, width, scheme
        self.waiting: set[Request] = set()
        self.answered: list[Request] = []
        self.faults: list[str] = []
        self.scripts = options.get("java_script_enabled", True)
        height = options.pop("height", HEIGHTS.get(width, 720))
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce", **options
        )
        self.context.add_init_script(SHIFTS)
        self.page = self.context.new_page()
        self.page.on("request", self.asked)
        self.page.on("requestfinished", self.got)
        self.page.on("requestfailed", self.lost)
        self.page.on("pageerror", lambda error: self.faults.append(f"a script raised {error}"))
        self.page.on("console", lambda said: said.type == "error" and self.faults.append(f"console: {said.text}"))
        self.page.goto(host + address)
        self.settle()

    def __str__(self) -> str:
        return f"{self.address} ({self.scheme}, {self.width} px)"

    def asked(self, request: Request) -> None:
        """Note a request, and whom it asks."""
        self.waiting.add(request)
        if request.url.startswith("http") and not request.url.startswith(f"{self.host}/"):
            self.faults.append(f"asks another host for {request.url}")

    def got(self, request: Request) -> None:
        """Note an answer."""
        self.waiting.discard(request)
        self.answered.append(request)
        answer = request.response()
        if answer and answer.status >= 400:
            self.faults.append(f"answer {answer.status} for {request.url}")

    def lost(self, request: Request) -> None:
        """Note a request without an answer."""
        self.waiting.discard(request)
        if request.failure != "net::ERR_ABORTED":  # the page was left before the answer came
            self.faults.append(f"no answer for {request.url}: {request.failure}")

    def settle(self) -> None:
        """Wait until nothing is asked for, a deck stands, its fonts are there, and nothing moves any more."""
        quiet = 0
        while quiet < 2:
            self.page.wait_for_timeout(30)
            quiet = 0 if self.waiting else quiet + 1
        if self.scripts:
            self.page.wait_for_function(STANDS)
            self.page.evaluate(SETTLED)

    def weight(self) -> dict[str, int]:
        """Bytes over the wire by address."""
        sizes = ((request.url, request.sizes()) for request in self.answered if request.url.startswith("http"))
        return {
            url.removeprefix(self.host): size["responseHeadersSize"] + size["responseBodySize"] for url, size in sizes
        }

    def paint(self, scheme: str) -> None:
        """Change to the light or the dark palette: a page by its own switch, a deck with the system."""
        self.scheme = scheme
        self.page.emulate_media(color_scheme=scheme)
        self.page.evaluate(CHOOSE, PAINTS[scheme])
        self.page.wait_for_function("paint => document.body.dataset.mdColorScheme === paint", arg=PAINTS[scheme])
        self.page.evaluate(SETTLED)

    def widen(self, width: int) -> None:
        """Change the width of the window."""
        self.width = width
        self.page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        self.page.evaluate(SETTLED)

    def barriers(self) -> list[str]:
        """What axe finds on the page as it stands, in lines for each element."""
        return self.found("tag", RULES)

    def pale(self) -> list[str]:
        """What axe finds about colours alone."""
        return self.found("rule", COLOURS)

    def cramped(self) -> list[str]:
        """What axe finds about colours and about what the width of a window changes in an author's text."""
        return self.found("rule", WIDTHS)

    def found(self, by: str, rules: list[str]) -> list[str]:
        """Let axe look."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(THIN)
            self.page.evaluate(AXE.read_text(encoding="utf-8") + ";1")
        found = self.page.evaluate(FAULTS, [by, rules])
        return [f"{self}: {rule} at {target}\n    {html}\n    {why}" for rule, target, html, why in found]
