"""HTML and CSS that large mail programs do not know: support.tsv, made from Can I email by tools/caniemail.py."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources

from mailflow.templates.lint.checks import Found

_MEDIA = re.compile(
    r"@(?:media|supports|font-face|keyframes|-webkit-keyframes)\b[^{}@]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}"
)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_DECLARATION = re.compile(r"([\w-]+)\s*:\s*([^;{}]+)")
_FUNCTION = re.compile(r"([\w-]+)\(")
_UNIT = re.compile(r"\d(ch|rem|vh|vw|vmin|vmax)\b")
_HARMLESS = frozenset(
    ("position: static", "position: relative", "float: none", "visibility: visible", "visibility: hidden",
     "animation: none", "filter: none", "transform: none", "background-image: none")
)  # fmt: skip


@cache
def _table() -> Mapping[tuple[str, str], str]:
    """Return (kind, how it is written) → who lacks it."""
    text = (resources.files("mailflow.templates.lint") / "support.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return {(kind, written): who for kind, written, who in rows}


def of_style(css: str) -> Iterator[Found]:
    """Yield the features of a style attribute that somebody lacks."""
    table = _table()
    for match in _DECLARATION.finditer(css):
        name, value = match[1].lower(), match[2].strip().lower()
        whole = f"{name}: {value.removesuffix('!important').strip()}"
        if whole in _HARMLESS:
            continue
        if who := table.get(("property", name)) or table.get(("value", whole)):
            yield _found(whole if ("value", whole) in table else name, who, match[0])
        for function in _FUNCTION.findall(value):
            if who := table.get(("function", function)):
                yield _found(f"{function}()", who, match[0])
        for unit in _UNIT.findall(value):
            if who := table.get(("unit", unit)):
                yield _found(f"the unit {unit}", who, match[0])


def of_sheet(css: str) -> Iterator[Found]:
    """Yield the features of a style sheet that somebody lacks; what stands in @media is an extra and left out."""
    table = _table()
    if "@import" in css:
        yield _found("@import", table["at", "import"], "@import")
    plain = _MEDIA.sub("", _COMMENT.sub("", css))
    for name in ("before", "after"):
        if re.search(rf"::?{name}\b", plain):
            yield _found(f"::{name}", table["pseudo", name], f":{name}")
    for block in re.finditer(r"\{([^{}]*)\}", plain):
        yield from of_style(block[1])


def of_link() -> Found:
    """Return that a style sheet that stands elsewhere is not loaded by somebody; who loads @import loads it too."""
    return _found("<link rel=stylesheet>", _table()["at", "import"], "stylesheet")


def of_element(name: str) -> Iterator[Found]:
    """Yield that an element is not known to somebody."""
    if who := _table().get(("element", name)):
        yield _found(f"<{name}>", who, f"<{name}")


def of_picture(address: str) -> Iterator[Found]:
    """Yield that a kind of picture is not shown by somebody."""
    if address.startswith("data:image"):
        yield _found("a picture inside the HTML (data:)", _table()["scheme", "data:image"], "data:image")
        return
    suffix = address.split("?")[0].split("#")[0].rpartition(".")[2].lower()
    if who := _table().get(("image", {"heif": "heic", "tif": "tiff"}.get(suffix, suffix))):
        yield _found(f"a picture of the kind {suffix}", who, address)


def _found(what: str, who: str, near: str) -> Found:
    return Found("L406", f"{what} is not known to {who}", (near, near.replace(": ", ":"), what), about=what)
