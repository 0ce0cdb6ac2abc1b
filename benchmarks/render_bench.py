"""Render and build a personal message of 10 KB, against the same with Jinja alone and against the usual way.

Three things are timed in turn, in interleaved rounds, so that only the ratios are to be believed:
bare      jinja2 renders the same HTML, and nothing else
mailflow  HTML, text part, subject and preheader, and the bytes that go over the wire
usual     jinja2 renders HTML and text, EmailMessage makes the bytes
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

[See everything]({{ shop.url }}/new?c={{ contact.key }} "button")

Viele Grüße aus {{ contact.city | default("der Rösterei") }}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--messages", type=int, default=200)
    options = parser.parse_args()
    tasks = _tasks(options.messages)
    for task in tasks.values():
        task()  # warm, and the template's first person
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(options.rounds):
        for name, task in tasks.items():
            begun = time.perf_counter()
            task()
            times[name].append((time.perf_counter() - begun) / options.messages)
    bare = times["bare"]
    for name, seconds in times.items():
        ratio = statistics.median(mine / theirs for mine, theirs in zip(seconds, bare, strict=True))
        print(f"{name:<9} {statistics.median(seconds) * 1e6:8.0f} µs  {ratio:5.2f} × bare")


def _tasks(count: int) -> dict[str, Callable[[], None]]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "news.md").write_text(_BODY, encoding="utf-8")
        template = templates.load(Path(folder), "news")
    people = [_person(number) for number in range(count)]
    first = template.render(people[0])
    compose.check(compose.build(first, _envelope(0)), first, _envelope(0))
    plain = jinja2.Environment(autoescape=True).from_string(_plain_source(template.html_source))
    text = jinja2.Environment().from_string(_plain_source(template.text_source))
    values = [{**template._values(person), "subject": first.subject, "preheader": first.preheader} for person in people]
    sizes = [len(first.html.encode()), len(first.text.encode()), len(compose.build(first, _envelope(0)))]
    print("{} bytes of HTML, {} of text, {} on the wire".format(*sizes))

    def bare() -> None:
        for value in values:
            plain.render(value)

    def mailflow() -> None:
        for number, person in enumerate(people):
            compose.build(template.render(person), _envelope(number))

    def usual() -> None:
        for number, value in enumerate(values):
            _usual(number, value["subject"], text.render(value), plain.render(value))

    return {"bare": bare, "mailflow": mailflow, "usual": usual}


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
