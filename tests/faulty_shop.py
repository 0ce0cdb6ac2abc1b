"""A shop full of faults, each planted on a known line for a known number of people, for tests of lint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mail_shop import NOW
from mailflow.cli.main import run
from mailflow.model import ConsentState
from mailflow.workspace import Workspace
from people import add_contact

PEOPLE = 20
SETTINGS = """\
name: Quitte
sender: {name: Quitte, email: hello@quitte.example}
address: 1 Long Lane, Springfield
url: https://quitte.example
currency: EUR
timezone: Europe/Vienna
language: en
unsubscribe: {mailto: out@quitte.example}
limits: {per_day: null, per_week: null}
fields:
  tea: {type: text}
  illness: {type: text, sensitive: true}
"""
BRAND = 'banned_words: [cheap, "rock bottom"]\n'
OFFERS = """\
old:
  value: 10%
  code: OLD10
  expires: 2026-01-31
pool:
  value: 10%
  codes: codes.csv
summer:
  value: 5 EUR
  code: SUMMER5
  expires: 2026-08-31
"""
POLLS = """\
spring:
  question: Which tea shall we bring in?
  answers: {green: A green one, black: A black one}
  closes: 2026-08-31
winter:
  question: How was your winter?
  answers: {warm: Warm, cold: Cold}
  closes: 2026-02-28
"""
FILES: Mapping[str, str] = {
    "mailflow.yaml": SETTINGS,
    "brand.yaml": BRAND,
    "offers.yaml": OFFERS,
    "polls.yaml": POLLS,
    "codes.csv": "code\nAAA-111\nBBB-222\n",
    "segments.yaml": "old_friends: orders.count >= 2 and\n",
    "assets/here.png": "not online",
    # What is in the words
    "templates/words.md": """\
---
subject: "{{ contact.first_name | default('') }}, your tea is here"
preheader: "Everything you need to know about the tea that came in this week."
language: en
---
Hi {{ contact.first_name | default("") }},

your tea is {{ contact.tea | default("on its way") }} today.

It is cheap, and at a rock
bottom price.

Yours for {{ contact.nothing_of_the_kind | default("ever") }}, *|FNAME|*.

We write {{ contact.city | default("here") }} as you told us.

{% if contact.first_name == "Nobody" %}{{ contcat.first_name }}{% endif %}
""",
    "templates/undefined.md": """\
---
subject: "What you like"
preheader: "Everything you need to know about what you like."
---
Your favourite is {{ contact.tea }}.
""",
    # Subjects
    "templates/subjects.md": """\
---
subject: "RE: 🔥🔥 THE LARGEST SALE OF TEA AND OF EVERYTHING THAT WE EVER HAD!! {{ contact.illness | default('') }}"
---
There is a sale. It is on from today and it is going to be on for some time to come.
""",
    "templates/repeats.md": """\
---
subject: "New teas have come in"
preheader: "New teas have come in."
---
New teas have come in. They are on the second shelf from the left, beside the old ones.
""",
    "templates/short.md": """\
---
subject: "New teas"
preheader: "Look!"
---
New teas have come in. They are on the second shelf from the left, beside the old ones.
""",
    # Links
    "templates/links.md": """\
---
subject: "Where to go"
preheader: "Ten links to follow, and each of them is wrong in its own way."
---
[A plain one](http://plain.quitte.example/tea) leads away.

[A short one](https://bit.ly/3xTea) leads who knows where.

[A number](https://192.0.2.7/tea) is no name.

[https://quitte.example/pay](https://pay.elsewhere.example/login) says another thing.

[A relative one](/tea/green.html) needs a site.

[A picture of ours](assets/here.png) stays with us.

[A place](#nowhere) on this page is missing.

[With you in it](https://quitte.example/tea?who={{ contact.email }}) tells all.

[Ask](https://other.example/v1.k1.u.abcdefabcdef.0123456789abcdef0123) somebody else.
""",
    # Elements, as a page of its own
    "templates/elements.html": """\
---
subject: "The page"
preheader: "A whole page of its own, with many things that do not work in mail."
---
<!DOCTYPE html>
<html>
<head>
<style>
.late { transform: rotate(3deg); }
</style>
</head>
<body style="background-color: #ffffff; color: #000000">
<p onclick="buy()">Pure black on pure white, and a program in it, which nobody runs. There are words here, quite a few
of them, so that the pictures are not all there is: two hundred letters are asked for, and these are more than that.</p>
<img src="https://quitte.example/one.png" width="200">
<img src="https://quitte.example/two.png" alt="" width="200">
<img src="https://quitte.example/three.png" alt="Three">
<img src="https://quitte.example/four.webp" alt="Four" width="200">
<img src="https://spy.example/open.gif" alt="" width="1" height="1">
<p style="color: #dddddd">Hardly to be seen.</p>
<div style="display: flex">Side by side.</div>
<video src="https://quitte.example/film.mp4"></video>
<p>{{ shop.name }}, {{ shop.address }} <a href="{{ unsubscribe_url }}">Unsubscribe</a></p>
</body>
</html>
""",
    "templates/pictures.md": """\
---
subject: "Only pictures"
preheader: "There is nothing here to read, as everything is in the pictures."
---
![Our teas](https://quitte.example/teas.png)
""",
    "templates/form.html": """\
---
subject: "A form"
preheader: "There is a form in this mail, which does not work anywhere."
---
<p>Tell us:</p>
<form action="https://quitte.example/form"><p>Your name</p></form>
""",
    # Deadlines and offers
    "templates/hurry.md": """\
---
subject: "Tea for you"
preheader: "A little something from the tin that you may like as well."
---
Hurry up, there is no time to lose.

It is your last chance to have it.
""",
    "templates/deadline.md": """\
---
subject: "Five euros for you"
preheader: "A little something from the tin that you may like as well."
offer: summer
---
Your code is {{ offer.code }}, good until 30 June 2026.
""",
    "templates/old.md": """\
---
subject: "Ten percent for you"
preheader: "A little something from the tin that you may like as well."
offer: old
---
Your code is {{ offer.code }}, and it is a good one.
""",
    "templates/pool.md": """\
---
subject: "A code for you"
preheader: "A little something from the tin that you may like as well."
offer: pool
---
Your code is {{ offer.code }}, and it is yours alone.
""",
    # Polls
    "templates/no_poll.md": """\
---
subject: "A question"
preheader: "It takes one click, and it decides what stands on the shelf."
---
We would like to know something.

{% if shop.name == "Nobody" %}{{ polls.sprng.question }}{% endif %}
""",
    "templates/late_poll.md": """\
---
subject: "A question"
preheader: "It takes one click, and it decides what stands on the shelf."
---
{% with poll=polls.winter %}{% include "mailflow/poll.html" %}{% endwith %}
""",
    "templates/mute_poll.md": """\
---
subject: "A question"
preheader: "It takes one click, and it decides what stands on the shelf."
---
We would like to know something.

{{ polls.spring.question }}
""",
    "templates/broken.md": '---\nsubject: "Broken"\n---\n{% if contact.city %}\nNever closed.\n',
    "campaigns/nobody.yaml": 'audience: country == "XX"\ntemplate: short\n',
    "campaigns/wrong.yaml": "audience: everyone\ntemplate: wrods\nsend: never\n",
}
SENT = ("words", "undefined", "subjects", "repeats", "links", "elements", "pictures", "form", "hurry", "deadline")
SENT_WITH_POLLS = ("no_poll", "late_poll", "mute_poll")
SENT_WITH_OFFERS = ("old", "pool")


@dataclass(frozen=True)
class Planted:
    """A fault: its code, its file, what stands on its line (None: no line is told), and how many people have it."""

    code: str
    file: str
    on: str | None = None
    people: int = PEOPLE

    def line(self) -> int | None:
        """Return the line on which it was planted."""
        if self.on is None:
            return None
        lines = FILES[self.file].split("\n")
        return next(number for number, line in enumerate(lines, 1) if self.on in line)


PLANTED = (
    Planted("L001", "segments.yaml", "old_friends", 0),
    Planted("L001", "campaigns/wrong.yaml", "send: never", 0),
    Planted("L001", "templates/broken.md", "{% if", 0),
    Planted("L001", "templates/form.html", None, 0),
    Planted("L003", "campaigns/nobody.yaml", None, 0),
    Planted("L101", "templates/words.md", "nothing_of_the_kind"),
    Planted("L101", "templates/words.md", "contcat", 0),
    Planted("L105", "templates/words.md", "Hi {{", 4),
    Planted("L105", "templates/words.md", "subject:", 4),
    Planted("L102", "templates/words.md", "subject:", 4),
    Planted("L104", "templates/words.md", "your tea is {{", 3),
    Planted("L106", "templates/words.md", "cheap"),
    Planted("L103", "templates/words.md", "*|FNAME|*"),
    Planted("L107", "templates/words.md", "We write", 2),
    Planted("L109", "templates/words.md", "language:", 5),
    Planted("L002", "templates/undefined.md", "contact.tea", 12),
    Planted("L104", "templates/undefined.md", "contact.tea", 3),
    Planted("L102", "templates/words.md", "your tea is {{", 12),
    Planted("L102", "templates/subjects.md", "subject:"),
    Planted("L108", "templates/subjects.md", "subject:", 0),
    Planted("L201", "templates/subjects.md", "subject:"),
    Planted("L202", "templates/subjects.md", "subject:"),
    Planted("L204", "templates/subjects.md", "subject:"),
    Planted("L205", "templates/subjects.md", "subject:"),
    Planted("L211", "templates/subjects.md", "subject:"),
    Planted("L213", "templates/repeats.md", "preheader:"),
    Planted("L212", "templates/short.md", "preheader:", 0),
    Planted("L301", "templates/links.md", "http://plain"),
    Planted("L302", "templates/links.md", "bit.ly"),
    Planted("L303", "templates/links.md", "192.0.2.7"),
    Planted("L304", "templates/links.md", "elsewhere"),
    Planted("L305", "templates/links.md", "green.html"),
    Planted("L305", "templates/links.md", "here.png"),
    Planted("L305", "templates/links.md", "#nowhere"),
    Planted("L306", "templates/links.md", "contact.email"),
    Planted("L307", "templates/links.md", "other.example"),
    Planted("L401", "templates/elements.html", "one.png"),
    Planted("L402", "templates/elements.html", "two.png"),
    Planted("L403", "templates/elements.html", "three.png"),
    Planted("L406", "templates/elements.html", "four.webp"),
    Planted("L307", "templates/elements.html", "spy.example"),
    Planted("L405", "templates/elements.html", "onclick"),
    Planted("L414", "templates/elements.html", "#dddddd"),
    Planted("L416", "templates/elements.html", "Pure black"),
    Planted("L406", "templates/elements.html", "display: flex"),
    Planted("L406", "templates/elements.html", "<video"),
    Planted("L411", "templates/elements.html", "<html"),
    Planted("L412", "templates/elements.html", "<head"),
    Planted("L413", "templates/elements.html", "<head"),
    Planted("L403", "templates/pictures.md", "teas.png"),
    Planted("L407", "templates/pictures.md", "teas.png"),
    Planted("L604", "templates/hurry.md", "Hurry up"),
    Planted("L601", "templates/hurry.md", "last chance"),
    Planted("L601", "templates/deadline.md", "30 June"),
    Planted("L602", "offers.yaml", "2026-01-31", 0),
    Planted("L603", "offers.yaml", "codes.csv", 0),
    Planted("L701", "templates/no_poll.md", "polls.sprng", 0),
    Planted("L702", "polls.yaml", "2026-02-28", 0),
    Planted("L703", "templates/mute_poll.md", "polls.spring"),
)


def make(root: Path) -> Workspace:
    """Write the shop's files and its twenty people."""
    assert run(["init", str(root), "--quiet"]) == 0
    for path in (*(root / "campaigns").iterdir(), *(root / "templates").glob("*.md")):
        path.unlink()
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    for name in (*SENT, *SENT_WITH_OFFERS, *SENT_WITH_POLLS):
        (root / "campaigns" / f"{name}.yaml").write_text(f"audience: everyone\ntemplate: {name}\n", encoding="utf-8")
    shop = Workspace.at(root)
    with shop.store.transaction() as tx:
        for number in range(PEOPLE):
            contact = add_contact(tx, f"p{number}@example.com", now=NOW, consent=ConsentState.SUBSCRIBED)
            tx.execute(
                "UPDATE contacts SET first_name = :first_name, city = :city, language = :language,"
                " attributes = :attributes WHERE id = :id",
                {"id": contact, **_person(number)},
            )
    return shop


def _person(number: int) -> dict[str, Any]:
    """Return the fields of one of the twenty: 4 have no name, 12 no tea, 3 a tea called None, 2 a garbled city."""
    tea = {3: "None", 4: "nan", 5: "null"}.get(number, "Sencha") if number < 8 else None
    return {
        "first_name": None if number % 5 == 0 else "Anna",
        "city": "MÃ¼nchen" if number in (1, 2) else "Graz",
        "language": "de" if number < 5 else "en",
        "attributes": json.dumps({} if tea is None else {"tea": tea}),
    }
