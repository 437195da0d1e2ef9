"""A drawing as a picture in HTML; for the site too, which has no need of matplotlib."""

from html import escape


def picture(drawing: str, alt: str) -> str:
    """Return SVG text as an HTML image that says `alt` to those who cannot see it."""
    return drawing.replace(
        "<svg", f'<svg class="figure" role="img" aria-label="{escape(alt)}"', 1
    )
