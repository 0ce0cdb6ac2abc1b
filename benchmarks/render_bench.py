"""Render and build a personal message of 10 KB, against the same with Jinja alone and against the usual way.

These are timed in turn, in interleaved rounds of processor time, so that only the ratios are to be believed:
bare       jinja2 renders the same HTML, and nothing else
mailflow   HTML, text part, subject and preheader, and the bytes that go over the wire
counted    the same with every link counted and tagged
usual      jinja2 renders HTML and text, EmailMessage makes the bytes
premailer  the same, with the CSS worked in per message by premailer; only where it is installed (pip install premailer)
The message has 20 links, a loop of products and one of recommendations. The usual ways run a tenth of the messages.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import time
from collections.abc import Callable
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


_COUNTED = How(Utm((("utm_source", "news"),), ("shop.example",)), clicks=True)
_STYLE = "\n".join(
    f"{selector} {{ margin: 0 0 {number}px; padding: {number}px; color: #33{number:02d}44; font-size: 16px }}"
    for number, selector in enumerate("body h1 h2 p a ul li td table strong img .button .footer .content .card".split())
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--messages", type=int, default=50)
    options = parser.parse_args()
    tasks = _tasks(options.messages)
    for task, _ in tasks.values():
        task()  # warm, and the template's first person
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(options.rounds):
        for name, (task, messages) in tasks.items():
            begun = time.process_time()
            task()
            times[name].append((time.process_time() - begun) / messages)
    for name, seconds in times.items():
        print(f"{name:<9} {statistics.median(seconds) * 1e6:8.0f} µs  {_ratio(seconds, times['bare']):6.2f} × bare")
    for name in ("usual", "premailer"):
        if name in times:
            print(f"{name} takes {_ratio(times[name], times['mailflow']):.1f} × as long as mailflow")


def _ratio(mine: list[float], theirs: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(mine, theirs, strict=True))


def _tasks(count: int) -> dict[str, tuple[Callable[[], None], int]]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "news.md").write_text(_BODY, encoding="utf-8")
        template = templates.load(Path(folder), "news")
        tagged = templates.load(
            Path(folder), "news", How(Utm((("utm_source", "news"),), ("shop.example",)), clicks=True)
        )
    people = [_person(number) for number in range(count)]
    first = template.render(people[0])
    compose.check(compose.build(first, _envelope(0)), first, _envelope(0))
    usually, as_text = jinja2.Environment(autoescape=True), jinja2.Environment()
    usually.filters["money"] = as_text.filters["money"] = _money
    plain = usually.from_string(_plain_source(template.html_source))
    text = as_text.from_string(_plain_source(template.text_source))
    values = [template.values(person) for person in people]
    raw = usually.from_string(_with_style(_plain_source(template.html_source)))
    sizes = [len(first.html.encode()), len(first.text.encode()), len(compose.build(first, _envelope(0)))]
    print("{} bytes of HTML, {} of text, {} on the wire; {} links".format(*sizes, first.html.count("<a ")))

    def bare() -> None:
        for value in values:
            plain.render(value)

    def mailflow() -> None:
        for number, person in enumerate(people):
            compose.build(template.render(person), _envelope(number))

    def counted() -> None:
        for number, person in enumerate(people):
            clicks = Clicks(f"https://shop.example/t/c/v1.abcdef.k.{number:016d}.abcdefghijklmnopqrstuv")
            compose.build(tagged.render({**person, COUNTED: clicks}), _envelope(number))

    few = max(1, count // 10)

    def usual() -> None:
        for number, value in enumerate(values[:few]):
            _usual(number, value["subject"], text.render(value), plain.render(value))

    def with_premailer() -> None:
        for number, value in enumerate(values[:few]):
            _usual(number, value["subject"], text.render(value), premailer.transform(raw.render(value)))

    tasks = {"bare": (bare, count), "mailflow": (mailflow, count), "counted": (counted, count), "usual": (usual, few)}
    return tasks | ({"premailer": (with_premailer, few)} if premailer else {})


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
