"""Make src/mailflow/templates/lint/support.tsv from the data of "Can I email" (https://www.caniemail.com, MIT licence).

    npm pack caniemail@1.0.5 && tar xf caniemail-1.0.5.tgz
    python tools/caniemail.py package/data/caniemail.json

Takes the JSON as it is or gzipped. Kept are features that a mail falls apart without; what is merely prettier with
(round corners, shadows, hover) is left out. Nothing here is imported by mailflow.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parents[1] / "src/mailflow/templates/lint/support.tsv"
CLIENTS = {
    "gmail": ("Gmail", ("desktop-webmail", "ios", "android")),
    "outlook": ("Outlook", ("windows", "outlook-com", "macos", "ios")),
    "apple-mail": ("Apple Mail", ("macos", "ios")),
    "yahoo": ("Yahoo", ("desktop-webmail", "ios")),
}
PLATFORMS = {
    "desktop-webmail": "web", "ios": "iOS", "android": "Android", "windows": "Windows", "outlook-com": "web",
    "macos": "macOS",
}  # fmt: skip
# kind of thing to look for: {the name of the feature there: how it is written in a mail}
FEATURES = {
    "property": {
        f"css-{name}": name
        for name in (
            "align-items animation aspect-ratio backdrop-filter background-image clip-path column-count filter "
            "flex-direction flex-wrap float gap grid-template inset justify-content mask-image mix-blend-mode "
            "object-fit object-position position transform visibility writing-mode z-index"
        ).split()
    },
    "value": {"css-display-flex": "display: flex", "css-display-grid": "display: grid"},
    "function": {
        "css-variables": "var", "css-unit-calc": "calc", "css-function-clamp": "clamp", "css-function-min": "min",
        "css-function-max": "max", "css-function-light-dark": "light-dark", "css-linear-gradient": "linear-gradient",
        "css-radial-gradient": "radial-gradient", "css-conic-gradient": "conic-gradient", "css-rgba": "rgba",
    },
    "unit": {f"css-unit-{name}": name for name in "ch rem vh vmax vmin vw".split()},
    "at": {"css-at-import": "import"},
    "pseudo": {"css-pseudo-element-before": "before", "css-pseudo-element-after": "after"},
    "element": {
        "html-audio": "audio", "html-button-submit": "button", "html-dialog": "dialog", "html-input-text": "input",
        "html-marquee": "marquee", "html-meter": "meter", "html-progress": "progress", "html-select": "select",
        "html-svg": "svg", "html-textarea": "textarea", "html-video": "video",
    },
    "image": {
        "image-avif": "avif", "image-heif": "heic", "image-ico": "ico", "image-mp4": "mp4", "image-svg": "svg",
        "image-tiff": "tiff", "image-webp": "webp",
    },
    "scheme": {"image-base64": "data:image"},
}  # fmt: skip


def lacking(feature: dict[str, Any]) -> Iterator[str]:
    """Yield who does not have a feature in the last version that was tested: `Outlook (Windows, web)`."""
    for family, (client, platforms) in CLIENTS.items():
        tested = {name: feature["stats"].get(family, {}).get(name) for name in platforms}
        without = [
            PLATFORMS[name] for name, found in tested.items() if found and list(found.values())[-1].startswith("n")
        ]
        if without:
            yield client if len(without) == sum(map(bool, tested.values())) else f"{client} ({', '.join(without)})"


def table(data: dict[str, Any]) -> str:
    """Return the table: kind, how it is written, and who lacks it."""
    features = {feature["slug"]: feature for feature in data["data"]}
    rows = [
        f"# From Can I email, https://www.caniemail.com (MIT licence), state of {data['last_update_date'][:10]}.",
        "# Made by tools/caniemail.py: kind of feature, how it is written, mail programs that lack it.",
    ]
    for kind, named in FEATURES.items():
        for slug, written in sorted(named.items(), key=lambda item: item[1]):
            if who := "; ".join(lacking(features[slug])):
                rows.append(f"{kind}\t{written}\t{who}")
    return "\n".join(rows) + "\n"


def main() -> None:
    path = Path(sys.argv[1])
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    TABLE.write_text(table(json.loads(text)), encoding="utf-8")


if __name__ == "__main__":
    main()
