# -*- test-case-name: tests.benchmarks.test_benchmarks -*-
"""
A bar chart in SVG.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_COLOURS = ("#2a6f97", "#e09f3e", "#5a8f5a", "#9e2a2b")
_LABEL, _WIDTH, _BAR, _GAP, _TOP = 250, 420, 16, 10, 60
_STYLE = "text{font:13px sans-serif;fill:#222}.t{font-size:15px;font-weight:bold}"


def chart(title: str, series: Sequence[str], bars: Mapping[str, Sequence[float]]) -> str:
    """
    @param title: the meaning of the numbers.
    @param series: the names of the bars of a label, one colour each.
    @param bars: for each label, a number for each of C{series}; NaN for a missing one.

    @return: an SVG document.
    """
    longest = max((v for values in bars.values() for v in values if not math.isnan(v)), default=1)
    parts = [f'<text class="t" x="10" y="22">{escape(title)}</text>', *_legend(series)]
    top = _TOP
    for label, values in bars.items():
        drawn = [(n, v) for n, v in enumerate(values) if not math.isnan(v)]
        middle = top + len(drawn) * _BAR / 2 + 5
        parts.append(f'<text x="{_LABEL}" y="{middle:g}" text-anchor="end">{escape(label)}</text>')
        for n, value in drawn:
            parts += _bar(top, value, value / (longest or 1), _COLOURS[n % len(_COLOURS)])
            top += _BAR
        top += _GAP
    width = _LABEL + _WIDTH + 90
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}"'
            f' width="{width}" height="{top}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            '<rect width="100%" height="100%" fill="#fff"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def _legend(series: Sequence[str]) -> list[str]:
    parts = []
    left = _LABEL + 10
    for n, name in enumerate(series):
        colour = _COLOURS[n % len(_COLOURS)]
        parts.append(f'<rect x="{left}" y="34" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{left + 18}" y="45">{escape(name)}</text>')
        left += 40 + 8 * len(name)
    return parts


def _bar(top: float, value: float, share: float, colour: str) -> list[str]:
    left, width = _LABEL + 10, share * _WIDTH
    return [
        f'<rect x="{left}" y="{top}" width="{width:.1f}" height="{_BAR - 2}" fill="{colour}"/>',
        f'<text x="{left + width + 6:.1f}" y="{top + 12}">{value:,.0f}</text>',
    ]
