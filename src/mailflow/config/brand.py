"""brand.yaml: how a shop's mail looks and speaks. Who the shop is (name, address): settings.py; colours: colours.py.

Every key may be left out. Colours that are not said follow from those that are, so that text stays readable in light
and dark.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from mailflow.config import colours
from mailflow.config.yaml_files import parse_spec, parse_yaml, read_text

BRAND_FILE = "brand.yaml"
ASSETS = "assets/"

_FAMILY = re.compile(r"-?[A-Za-z][\w -]*\Z")
_ASSET = re.compile(r"assets/(?:[\w][\w.-]*/)*[\w][\w.-]*\Z")
_WEB = re.compile(r"https://[^\s/<>\"'\\]+(?:/[^\s<>\"'\\]*)?\Z")
_SYSTEM_FONTS = "-apple-system, BlinkMacSystemFont, Segoe UI, Roboto, Helvetica, Arial, sans-serif"
_IN_OUTLOOK = frozenset(
    ("Arial", "Calibri", "Cambria", "Courier New", "Georgia", "Segoe UI", "Tahoma", "Times New Roman", "Verdana")
)
_NETWORKS = {
    "bluesky": "Bluesky", "facebook": "Facebook", "instagram": "Instagram", "linkedin": "LinkedIn",
    "mastodon": "Mastodon", "pinterest": "Pinterest", "threads": "Threads", "tiktok": "TikTok",
    "whatsapp": "WhatsApp", "x": "X", "xing": "XING", "youtube": "YouTube",
}  # fmt: skip


def _colour(value: Any) -> Any:
    return colours.parse(str(value))


def _picture(value: Any) -> Any:
    if not isinstance(value, str) or not (_WEB.match(value) or _ASSET.match(value)):
        raise ValueError(f"{value!r} is neither an https:// address nor a file such as {ASSETS}logo.png")
    return value


def _page(value: Any) -> Any:
    if not isinstance(value, str) or not _WEB.match(value):
        raise ValueError(f"{value!r} is not an https:// address")
    return value


def _font(value: Any) -> Any:
    names = [name.strip().strip("\"'") for name in str(value or "").split(",")]
    wrong = [name for name in names if not _FAMILY.match(name)]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is not the name of a font: write it as Georgia, Times New Roman, serif")
    return ", ".join(names)


Colour = Annotated[str, BeforeValidator(_colour)]
Picture = Annotated[str, BeforeValidator(_picture)]
Page = Annotated[str, BeforeValidator(_page)]
Font = Annotated[str, BeforeValidator(_font)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Shades(_Part):
    """The colours of one mode; what is None follows from the others, see `Brand.context`."""

    accent: Colour | None = None
    accent_text: Colour | None = None
    background: Colour | None = None
    surface: Colour | None = None
    text: Colour | None = None
    heading: Colour | None = None
    muted: Colour | None = None
    line: Colour | None = None
    link: Colour | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _said(cls, value: Any) -> Any:
        if value is None:
            raise ValueError('is empty: a colour is in quotes, "#1f6f54", because # alone begins a comment')
        return value


class Colours(Shades):
    """The colours of light mode, and of dark mode below `dark`."""

    dark: Shades = Shades()


class Fonts(_Part):
    """Families in order of preference, as CSS has them; those that a reader lacks are passed over."""

    body: Font = _SYSTEM_FONTS
    heading: Font | None = None

    def context(self) -> dict[str, str]:
        """Return both, and of each the one that Outlook has: it takes Times where it lacks the first."""
        heading = self.heading or self.body
        return {"body": self.body, "heading": heading, "safe": _safe(self.body), "safe_heading": _safe(heading)}


class Brand(_Part):
    """What brand.yaml may hold. `radius` is of corners and `logo_width` of the logo, both in pixels."""

    logo: Picture | None = None
    logo_dark: Picture | None = None
    logo_width: int = Field(default=140, ge=16, le=560)
    colours: Colours = Colours()
    fonts: Fonts = Fonts()
    radius: int = Field(default=10, ge=0, le=40)
    imprint: str = ""
    social: dict[str, Page] = {}
    tone: list[str] = []
    banned_words: list[str] = []

    @model_validator(mode="before")
    @classmethod
    def _elsewhere(cls, data: Any) -> Any:
        for key in ("address", "name", "url"):
            if isinstance(data, dict) and key in data:
                raise ValueError(f"{key}: stands in mailflow.yaml, where sending looks for it; take it out here")
        return data

    @field_validator("banned_words", "tone")
    @classmethod
    def _words(cls, values: list[str]) -> list[str]:
        if any(not value.strip() for value in values):
            raise ValueError("a word in the list is empty")
        return [" ".join(value.split()) for value in values]

    @model_validator(mode="after")
    def _logos(self) -> Brand:
        if self.logo_dark and not self.logo:
            raise ValueError("logo_dark stands in for logo in dark mode: name logo too")
        return self

    def context(self) -> dict[str, Any]:
        """Return what templates know as `brand`, with every colour filled in.

        A logo that is a file of the workspace is null there: no reader could load it.
        """
        dark = _dark(self.colours.dark, self.colours.accent)
        return {
            "logo": _online(self.logo),
            "logo_dark": _online(self.logo_dark),
            "logo_width": self.logo_width,
            "colours": {**_light(self.colours), "dark": dark},
            "fonts": self.fonts.context(),
            "radius": self.radius,
            "imprint": self.imprint.strip() or None,
            "social": [{"name": _NETWORKS.get(name.lower(), name), "url": url} for name, url in self.social.items()],
            "tone": list(self.tone),
            "banned_words": list(self.banned_words),
        }


def parse_brand(text: str, file: str = BRAND_FILE) -> Brand:
    """Return the brand in YAML text; `ProblemsError` lists all that is wrong, each with its place."""
    return parse_spec(Brand, parse_yaml(text, file))


def load_brand(root: Path) -> Brand:
    """Return the brand of a workspace, that of the defaults where it has no brand.yaml."""
    path = root / BRAND_FILE
    return parse_brand(read_text(path, BRAND_FILE)) if path.exists() else Brand()


def _safe(font: str) -> str:
    return next((name for name in font.split(", ") if name in _IN_OUTLOOK), "Arial")


def _online(picture: str | None) -> str | None:
    return picture if picture and picture.startswith("https://") else None


def _light(said: Shades) -> dict[str, str]:
    surface = said.surface or "#fffffe"
    accent = said.accent or "#1f1e1c"
    text = said.text or ("#2b2a28" if colours.luminance(surface) > 0.18 else "#dedbd4")
    background = said.background or colours.mixed(surface, text, 0.055)
    return _filled(
        said,
        surface=surface,
        accent=accent,
        text=text,
        background=background,
        heading=said.text or colours.readable("#1b1a18", surface),
        link=colours.readable(said.accent or "#1a5fb4", surface),
    )


def _dark(said: Shades, accent: str | None) -> dict[str, str]:
    surface = said.surface or "#222120"
    text = said.text or "#dedbd4"
    button = said.accent or (colours.readable(accent, surface, 3.0) if accent else "#f0ede6")
    return _filled(
        said,
        surface=surface,
        accent=button,
        text=text,
        background=said.background or "#161615",
        heading=said.text or "#f5f3ee",
        link=colours.readable(said.accent or accent or "#8ab8f5", surface),
    )


def _filled(said: Shades, **shades: str) -> dict[str, str]:
    """Return all colours of a mode: as said, else as given here, else from those."""
    ground, text, surface = shades["background"], shades["text"], shades["surface"]
    lighter_mode = colours.luminance(surface) > 0.18
    duller = ground if (colours.luminance(ground) < colours.luminance(surface)) is lighter_mode else surface
    made = {
        **shades,
        "accent_text": colours.ink_on(shades["accent"]),
        "muted": colours.readable(colours.mixed(text, ground, 0.35), duller),
        "line": colours.mixed(surface, text, 0.14),
    }
    return {name: getattr(said, name) or made[name] for name in Shades.model_fields}
