# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""How the report draws: one look, to be told apart in black and white, as SVG for a page.

Colours are those of Okabe and Ito, which people with any colour vision tell apart; each
goes with a marker, a line style and a hatch of its own.
"""
import io
import itertools
import re
from contextlib import contextmanager
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402 pylint: disable=wrong-import-position

from .exhibits import Panel  # noqa: E402 pylint: disable=wrong-import-position

STYLE = {
    "svg.fonttype": "none",       # text stays text: small, searched and read aloud
    "svg.hashsalt": "rwperf",     # the same rows give the same page
    "font.family": ["sans-serif"], "font.sans-serif": ["DejaVu Sans"], "font.size": 8.5,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.color": "#d8d8d8", "grid.linewidth": 0.6, "axes.axisbelow": True,
    "lines.linewidth": 1.6, "lines.markersize": 5, "legend.frameon": False,
    "legend.fontsize": 8, "legend.handlelength": 3.2, "axes.titlesize": 9, "axes.titleweight": "bold",
    "axes.titlelocation": "left",
}
INCHES = (3.7, 2.7)


class Look(NamedTuple):
    color: str
    marker: str
    line: object
    hatch: str


LOOKS = (Look("#0072B2", "o", "-", ""), Look("#D55E00", "s", (0, (5, 2)), "////"),
         Look("#009E73", "^", (0, (1, 1.5)), "...."), Look("#CC79A7", "D", (0, (5, 1.5, 1, 1.5)), "xxxx"),
         Look("#000000", "v", (0, (8, 2)), "\\\\\\\\"), Look("#E69F00", "P", (0, (3, 1, 1, 1, 1, 1)), "++"),
         Look("#56B4E9", "X", (0, (2, 2)), "oo"))
PATHS = {"direct": LOOKS[0], "mr": LOOKS[1], "auto": LOOKS[2]}


def look_of(index):
    return LOOKS[index % len(LOOKS)]


_serial = itertools.count()


def _own_ids(svg):
    """Ids that are referred to become this drawing's own; the others only would be twice."""
    prefix = f"f{next(_serial)}-"
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
    svg = re.sub(r' id="([^"]*)"',
                 lambda m: f' id="{prefix}{m[1]}"' if m[1] in used else "", svg)
    return re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}", svg)


def restart():
    """Begin a page: its drawings are numbered from 0."""
    global _serial  # pylint: disable=global-statement
    _serial = itertools.count()


def _plain(svg):
    """What browsers and weasyprint 57 both read: it knows no font shorthand and no xlink inside of
    HTML. Without what says nothing, it is half as long."""
    def font(match):
        style, weight, size = match[1].split(), "", ""
        for word in style:
            if word in ("bold", "italic", "600", "700"):
                weight += f"font-{'style' if word == 'italic' else 'weight'}: {word}; "
            elif word.endswith("px"):
                size = word
        return f"{weight}font-size: {size}; font-family: DejaVu Sans, sans-serif"
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r"font: ([^;\"]*)", font, svg)
    svg = re.sub(r"(\d+\.\d\d)\d+", r"\1", svg)  # hundredths of a point are enough
    return re.sub(r"\n\s*", "\n", svg)


def _svg(figure, alt):
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None},
                   bbox_inches="tight", pad_inches=0.04)
    text = buffer.getvalue()
    text = text[text.index("<svg"):]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.S)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.S)
    text = _plain(text)
    text = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>',
                  lambda m: f'<svg xmlns="http://www.w3.org/2000/svg" '
                  f'viewBox="{m[1]}" role="img" '
                  f"aria-label={quoteattr(alt)}>", text, count=1, flags=re.S)
    return _own_ids(text)


@contextmanager
def panel(panels, alt, bed, inches=INCHES):
    """with panel(...) as axes: draw. It is then the last of @panels, and says of which bed it is."""
    with matplotlib.rc_context(STYLE):
        figure, axes = pyplot.subplots(figsize=inches)
        try:
            yield axes
            if bed != "hardware":
                figure.text(0.995, 0.995, f"{bed}, no hardware", ha="right", va="bottom",
                            fontsize=6.5, style="italic", color="#444444")
            panels.append(Panel(_svg(figure, alt), alt))
        finally:
            pyplot.close(figure)


def line(axes, xs, estimates, look, label, **more):
    """A line through estimates with their intervals; those without a value are left out.

    @xs are on an axis of logarithms. Looks stand a bit beside each other, or their intervals
    would hide each other.
    """
    aside = 1 + 0.045 * (LOOKS.index(look) % 3 - 1)
    points = [(x * aside, e) for x, e in zip(xs, estimates) if e is not None]
    if not points:
        return
    xs = [x for x, _ in points]
    axes.plot(xs, [e.value for _, e in points], color=look.color, marker=look.marker,
              linestyle=look.line, label=label, markerfacecolor="white", markeredgewidth=1.3, **more)
    for x, e in points:
        if e.n > 1:
            axes.plot([x, x], [e.low, e.high], color=look.color, linewidth=1, alpha=0.8)


def counts_axis(axes, values, which="x"):
    """An axis of counts, each twice the one before or so; only its own values are ticks."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    values = sorted(set(values))
    (axes.set_xscale if which == "x" else axes.set_yscale)("log", base=2)
    if len(values) > 9:
        values = values[::-(-len(values) // 9)]
    shown = [value for i, value in enumerate(values)
             if not i or value > 1.2 * values[i - 1] or i == len(values) - 1 < 2]
    axis.set_ticks(shown, [f"{value:g}" for value in shown])
    axis.set_ticks([], minor=True)


def from_zero(axes, values):
    """An axis from 0 on that shows all @values; intervals of a few runs may leave it."""
    axes.set_ylim(0, 1.3 * max(values, default=1) or 1)


def legend(axes, **more):
    if axes.get_legend_handles_labels()[0]:
        axes.legend(**{"loc": "best", **more})
