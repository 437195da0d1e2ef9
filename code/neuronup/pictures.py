"""A drawing as a picture in HTML; for the site too, which has no need of matplotlib."""

import re
from html import escape, unescape
from urllib.parse import quote, unquote

PAPER = 'style="background:var(--fig-ground,#fff)"'
PLAIN = "".join(map(chr, range(32, 127))).translate(dict.fromkeys(map(ord, '"#%&<>')))
EMBEDDED = re.compile(  # as nbconvert writes it too
    r"<img alt=(?P<mark>[\"'])(?P<alt>.*?)(?P=mark)[^>]*? "
    r'src="data:image/svg\+xml,(?P<drawing>[^"]*)"[^>]*>'
)


def picture(drawing: str, alt: str) -> str:
    """Return SVG text as an HTML image that says `alt` to those who cannot see it."""
    return drawing.replace(
        "<svg", f'<svg class="figure" role="img" aria-label="{escape(alt)}"', 1
    )


def embedded(drawing: str, alt: str, width: int) -> str:
    """Return SVG text as an HTML image on white paper, so many pixels wide.

    Jupyter shows it before a notebook is trusted; SVG itself it would take away.
    """
    data = quote(drawing.replace("<svg", f"<svg {PAPER}", 1), safe=PLAIN)
    source = f'width="{width}" src="data:image/svg+xml,{data}"'
    return f'<img alt="{escape(alt)}" {source}>'


def in_line(html: str) -> str:
    """Draw the images that `embedded` made as the page's own, in its colours."""

    def drawn(found: re.Match[str]) -> str:
        return picture(unquote(found["drawing"]), unescape(found["alt"]))

    return EMBEDDED.sub(drawn, html)
