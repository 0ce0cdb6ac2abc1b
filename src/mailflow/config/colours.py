"""Colours as a mail needs them: read, compared by contrast, made readable. Where they are said: brand.py.

Contrast and luminance are those of WCAG 2.2 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio).
"""

from __future__ import annotations

import re

READABLE = 4.5  # WCAG 2.2, 1.4.3: text up to 18 pt
LIGHT_INK = "#fffffe"  # pure white and pure black are what dark modes turn into their opposite
DARK_INK = "#050505"  # one of the two inks has a contrast of 4.5 to any colour whatever

_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})\Z", re.IGNORECASE)
_STEPS = 50


def parse(text: str) -> str:
    """Return a colour as `#rrggbb`; `ValueError` says how to write one."""
    if not _HEX.match(text):
        raise ValueError(f'{text!r} is not a colour: write it as "#1f6f54", in quotes')
    digits = text[1:].lower()
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two `#rrggbb` colours, 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb`, 0 to 1."""
    red, green, blue = (_linear(value / 255) for value in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ink_on(colour: str) -> str:
    """Return the ink, light or dark, that can be read on a colour: light where both can."""
    return LIGHT_INK if contrast(LIGHT_INK, colour) >= READABLE else DARK_INK


def readable(colour: str, ground: str, wanted: float = READABLE) -> str:
    """Return the colour, or the nearest shade of it towards light or dark that can be read on `ground`."""
    ink = LIGHT_INK if luminance(ground) < 0.18 else DARK_INK
    for step in range(_STEPS + 1):
        shade = mixed(colour, ink, step / _STEPS)
        if contrast(shade, ground) >= wanted:
            return shade
    return ink


def mixed(colour: str, other: str, part: float) -> str:
    """Return `colour` with a part (0 to 1) of another in it."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(own + (foreign - own) * part):02x}" for own, foreign in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
