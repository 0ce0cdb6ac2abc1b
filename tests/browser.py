"""A real browser for tests: what Chromium makes of HTML, without a network. Many documents in one start of it."""

from __future__ import annotations

import base64
import html
import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PROPERTIES = (
    "display width height color background-color font-family font-size font-weight font-style line-height "
    "letter-spacing text-align text-decoration-line text-transform vertical-align white-space word-break margin-top "
    "margin-right margin-bottom margin-left padding-top padding-right padding-bottom padding-left border-top-width "
    "border-right-width border-bottom-width border-left-width border-top-style border-top-color border-bottom-style "
    "border-bottom-color border-left-color border-collapse border-top-left-radius max-width min-width max-height "
    "opacity overflow-x visibility float list-style-type box-sizing"
).split()

# Effective ground: the nearest ancestor that paints one. Text in hidden elements is nobody's to read.
_SCRIPT = """
const properties = %s;
function styles(view, document) {
  return [...document.querySelectorAll('body, body *')].map(element => {
    const style = view.getComputedStyle(element);
    return [element.tagName, Object.fromEntries(properties.map(name => [name, style.getPropertyValue(name)]))];
  });
}
function texts(view, document) {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const words = walker.currentNode.nodeValue.trim(), own = walker.currentNode.parentElement;
    if (!words || !own.getClientRects().length || view.getComputedStyle(own).opacity === '0') continue;
    let ground = 'rgb(255, 255, 255)';
    for (let element = own; element; element = element.parentElement) {
      const painted = view.getComputedStyle(element).backgroundColor;
      if (painted !== 'rgba(0, 0, 0, 0)') { ground = painted; break; }
    }
    found.push([words, view.getComputedStyle(own).color, ground]);
  }
  return found;
}
const results = {};

function look() {
  for (const frame of document.querySelectorAll('iframe')) {
    const view = frame.contentWindow, inner = frame.contentDocument;
    results[frame.name] = {
      styles: styles(view, inner), texts: texts(view, inner),
      overflow: inner.documentElement.scrollWidth - inner.documentElement.clientWidth,
    };
  }
  const text = JSON.stringify(results);
  document.body.innerHTML = '<pre>' + btoa(unescape(encodeURIComponent(text))) + '</pre>';
}

// Written, and not given as `srcdoc`, which pays no heed to the document type.
addEventListener('load', () => {
  for (const frame of document.querySelectorAll('iframe')) {
    frame.contentDocument.open();
    frame.contentDocument.write(frame.dataset.html);
    frame.contentDocument.close();
  }
  setTimeout(look, 500);
});
"""

_TREES = """
const results = {};
for (const [name, text] of Object.entries(JSON.parse(atob(data)))) {
  const read = new DOMParser().parseFromString(text, 'text/html');
  results[name] = [...read.querySelectorAll('*')].map(element => [
    element.tagName, element.getAttributeNames().sort(), (element.protocol ?? '') + (element.host ?? ''),
  ]);
}
document.body.innerHTML = '<pre>' + btoa(JSON.stringify(results)) + '</pre>';
"""


def look_at(
    chromium: str, folder: Path, documents: Mapping[str, str], *, width: int = 700, is_dark: bool = False
) -> dict[str, dict[str, Any]]:
    """Return of each document what the browser computes: `styles` of all elements, `texts` with ink and ground.

    `overflow` is by how many pixels it is wider than its window.
    """
    frames = "".join(
        f'<iframe name="{name}" width="{width}" height="900" data-html="{html.escape(text)}"></iframe>'
        for name, text in documents.items()
    )
    script = _SCRIPT % json.dumps(PROPERTIES)
    page = f"<!DOCTYPE html><body><script>{script}</script>{frames}</body>"
    return _told(chromium, folder, page, f"--blink-settings=preferredColorScheme={0 if is_dark else 1}")


def trees(chromium: str, folder: Path, documents: Mapping[str, str]) -> dict[str, list[list[Any]]]:
    """Return the elements of each document as the browser reads it: name, names of its attributes, where it leads."""
    data = base64.b64encode(json.dumps(documents).encode("ascii")).decode("ascii")
    return _told(chromium, folder, f"<!DOCTYPE html><body><script>const data = '{data}';{_TREES}</script></body>")


def _told(chromium: str, folder: Path, page: str, *options: str) -> dict[str, Any]:
    """Return what the script of a page leaves in it, in base64."""
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8")
    command = [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
        f"--user-data-dir={folder / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=1200,1000",
        "--virtual-time-budget=5000",  # so that the page is not written out before its script has looked
        *options, "--dump-dom", file.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r"<pre>([A-Za-z0-9+/=]+)</pre>", done.stdout)
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    return dict(json.loads(base64.b64decode(found[1])))


def channels(colour: str) -> str:
    """Return `rgb(1, 2, 3)` as `#010203`."""
    parts: Sequence[str] = re.findall(r"[\d.]+", colour)[:3]
    return "#" + "".join(f"{round(float(part)):02x}" for part in parts)
