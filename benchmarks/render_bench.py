"""Render and build a personal message of 10 KB, against the same with Jinja alone and against the usual way.

These are timed in turn, in interleaved rounds of processor time, so that only the ratios are to be believed:
bare       jinja2 renders the same HTML, and nothing else
mailflow   HTML, text part, subject and preheader, and the bytes that go over the wire
counted    the same with every link counted and tagged
usual      jinja2 renders HTML and text, EmailMessage makes the bytes
premailer  the same, with the CSS worked in per message by premailer; only where it is installed (pip install premailer)
The message has 20 links, a loop of products and one of recommendations. Everybody is new in each round: what belongs to
one person is never met again. The usual ways run a tenth of the messages. With --few it is a message of the same size
that says nearly the same to everybody: then what a message costs whatever is in it counts for more.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import jinja2

from mailflow import templates
from mailflow.templates import Envelope, compose, context
from mailflow.templates.linking import COUNTED, Clicks, How, Utm

try:
    import premailer
except ImportError:
    premailer = None

_BODY = """---
subject: "{{ contact.first_name | default('Hello') }}, ten things that came in this week"
preheader: "From {{ products[0].title }} to {{ products[9].title }}"
---
# New in {{ contact.city | default("your town") }}

Hi {{ contact.first_name | default("there") }},

you have been with us for {{ contact.orders.count }} orders now. Here is what we would show you if you came by:

{% for product in products %}
- [{{ product.title }}]({{ shop.url }}/{{ product.id }}?c={{ contact.key }}) – {{ product.text }}
  **{{ product.price }}**
{% endfor %}

{% if contact.orders.count >= 5 %}
Shipping is on us this month: your code is {{ contact.key }}.
{% endif %}

{% for item in recommendations %}
- [{{ item.title }}]({{ item.url }}), {{ item.price | money }}: {{ item.reason }}
{% endfor %}

[See everything]({{ shop.url }}/new?c={{ contact.key }} "button"), [offers](https://shop.example/offers?from=mail) or
[our recipes](https://recipes.example/).

Viele Grüße aus {{ contact.city | default("der Rösterei") }}
"""

_FEW_BODY = (
    """---
subject: "{{ contact.first_name | default('Hello') }}, ten things that came in this week"
preheader: "From black to green"
---
# New in {{ contact.city | default("your town") }}

Hi {{ contact.first_name | default("there") }},

"""
    + "".join(
        "These came in this week, and this is a paragraph that says what they are like, in some hundred characters: "
        f"[Röstung Nr. {number}](https://shop.example/products/{number}).\n\n"
        for number in range(14)
    )
    + """
{% for item in recommendations %}
- [{{ item.title }}]({{ item.url }}), {{ item.price | money }}: {{ item.reason }}
{% endfor %}

[See everything]({{ shop.url }}/new "button"), [offers](https://shop.example/offers?from=mail)
"""
)

_AT_ONCE = 10  # people of whom each way makes the messages before the next one has its turn
_COUNTED = How(Utm((("utm_source", "news"),), ("shop.example",)), clicks=True)
_STYLE = "\n".join(
    f"{selector} {{ margin: 0 0 {number}px; padding: {number}px; color: #33{number:02d}44; font-size: 16px }}"
    for number, selector in enumerate("body h1 h2 p a ul li td table strong img .button .footer .content .card".split())
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--messages", type=int, default=50)
    parser.add_argument("--few", action="store_true", help="a message with few values")
    options = parser.parse_args()
    ways = _Ways(_FEW_BODY if options.few else _BODY)
    tasks: dict[str, tuple[Callable[[_Reader], object], int]] = {
        "bare": (ways.bare, _AT_ONCE),
        "mailflow": (ways.mailflow, _AT_ONCE),
        "counted": (ways.counted, _AT_ONCE),
        "usual": (ways.usual, 1),
    }
    if premailer:
        tasks["premailer"] = (ways.premailer, 1)
    times: dict[str, list[float]] = {name: [] for name in tasks}
    first = _AT_ONCE  # the people before warm, and have the template's first one
    _round(tasks, [ways.reader(number) for number in range(first)])
    for _ in range(options.rounds):
        readers = [ways.reader(number) for number in range(first, first + options.messages)]
        first += options.messages
        for name, seconds in _round(tasks, readers).items():
            times[name].append(seconds)
    for name, seconds in times.items():
        print(f"{name:<9} {statistics.median(seconds) * 1e6:8.0f} µs  {_ratio(seconds, times['bare'])} × bare")
    for name in ("usual", "premailer"):
        if name in times:
            print(f"{name} takes {_ratio(times[name], times['mailflow'])} × as long as mailflow")


def _round(
    tasks: Mapping[str, tuple[Callable[[_Reader], object], int]], readers: Sequence[_Reader]
) -> dict[str, float]:
    """Return the processor seconds of a message of each way, all of them in turn for a few people at a time."""
    spent, starts = dict.fromkeys(tasks, 0.0), range(0, len(readers), _AT_ONCE)
    for start in starts:
        for name, (task, messages) in tasks.items():
            begun = time.process_time()
            for reader in readers[start : start + messages]:
                task(reader)
            spent[name] += (time.process_time() - begun) / messages / len(starts)
    return spent


def _ratio(mine: list[float], theirs: list[float]) -> str:
    """Return the median of the ratios of the rounds, with the least and the greatest."""
    ratios = sorted(one / other for one, other in zip(mine, theirs, strict=True))
    return f"{statistics.median(ratios):6.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f})"


@dataclass(frozen=True)
class _Reader:
    """One person: `known` is what mailflow is told of them, `values` all that the parts of their message know."""

    number: int
    known: dict[str, Any]
    values: dict[str, Any]


class _Ways:
    """The ways to make the same message."""

    def __init__(self, body: str = _BODY) -> None:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "news.md").write_text(body, encoding="utf-8")
            self._template = templates.load(Path(folder), "news")
            self._tagged = templates.load(Path(folder), "news", _COUNTED)
        first = self._template.render(_person(0))
        wire = compose.build(first, _envelope(0))
        compose.check(wire, first, _envelope(0))
        html, text = jinja2.Environment(autoescape=True), jinja2.Environment()
        html.filters["money"] = text.filters["money"] = _money
        source = _plain_source(self._template.html_source)
        self._html = html.from_string(source)
        self._with_style = html.from_string(_with_style(source))
        self._text = text.from_string(_plain_source(self._template.text_source))
        sizes = [len(first.html.encode()), len(first.text.encode()), len(wire)]
        print("{} bytes of HTML, {} of text, {} on the wire; {} links".format(*sizes, first.html.count("<a ")))

    def reader(self, number: int) -> _Reader:
        known = _person(number)
        return _Reader(number, known, self._template.values(known))

    def bare(self, reader: _Reader) -> str:
        return self._html.render(reader.values)

    def mailflow(self, reader: _Reader) -> bytes:
        return compose.build(self._template.render(reader.known), _envelope(reader.number))

    def counted(self, reader: _Reader) -> bytes:
        clicks = Clicks(f"https://shop.example/t/c/v1.abcdef.k.{reader.number:016d}.abcdefghijklmnopqrstuv")
        return compose.build(self._tagged.render({**reader.known, COUNTED: clicks}), _envelope(reader.number))

    def usual(self, reader: _Reader) -> bytes:
        return self._built(reader, self._html.render(reader.values))

    def premailer(self, reader: _Reader) -> bytes:
        return self._built(reader, premailer.transform(self._with_style.render(reader.values)))

    def _built(self, reader: _Reader, html: str) -> bytes:
        return _usual(reader.number, reader.values["subject"], self._text.render(reader.values), html)


def _money(value: Decimal) -> str:
    """Return an amount as shops do it that have one currency and one language."""
    return f"{value:,.2f} €"


def _with_style(source: str) -> str:
    """Return the page as it is before its CSS is worked in: with a style sheet as large as the default layout's."""
    return source.replace("</head>", f"<style>{_STYLE}</style></head>", 1)


def _plain_source(source: str) -> str:
    """Return a compiled template's source as plain Jinja can read it: without mailflow's own filters of places."""
    return re.sub(r" \| __(?:link|host|path|query|css)__\([^)]*\)", "", source)


def _usual(number: int, subject: str, text: str, html: str) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"] = "Kleine Rösterei <news@shop.example>"
    message["To"] = f"person{number}@example.com"
    message["Subject"] = subject
    message["Message-ID"] = f"<{number}@shop.example>"
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    return message.as_bytes()


def _person(number: int) -> dict[str, Any]:
    known = context.sample()
    known["contact"] |= {"first_name": f"Zoë{number}", "email": f"person{number}@example.com", "key": f"k{number:08d}"}
    known["unsubscribe_url"] = f"https://shop.example/u/v1.abcdef.u.{number:012d}.abcdefghijklmnopqrstuv"
    known["products"] = [
        {
            "id": number * 10 + i,
            "title": f"Röstung Nr. {i}",
            "text": "a short line on what it is like. " * 3,
            "price": Decimal(i),
        }
        for i in range(12)
    ]
    return known


def _envelope(number: int) -> Envelope:
    return Envelope(
        from_name="Kleine Rösterei",
        from_email="news@shop.example",
        to_name=f"Zoë{number} Sample",
        to_email=f"person{number}@example.com",
        reply_to=None,
        message_id=f"{number}@shop.example",
        date=datetime(2026, 3, 20, 8, tzinfo=UTC),
        list_id="news.shop.example",
        unsubscribe_mailto="unsubscribe@shop.example",
        unsubscribe_url=f"https://shop.example/u/v1.abcdef.u.{number:012d}.abcdefghijklmnopqrstuv",
        return_path="bounces@shop.example",
    )


if __name__ == "__main__":
    main()
