"""Make the sample shop's contacts: who they are, what they said about e-mail. What they buy: orders.py."""

from __future__ import annotations

import random
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta

from mailflow.samples.names import ORIGINS, Origin

# Reserved for examples (RFC 2606): nobody can own a mailbox there.
DOMAINS = ("example.com", "example.net", "example.org", "mail.example", "post.example", "studio.example")
HISTORY = timedelta(days=730)
# What can be ticked in the survey, and how many do.
VALUES = (("organic", 0.4), ("fair trade", 0.3), ("from nearby", 0.3), ("a low price", 0.25))
# Letters that Unicode does not take apart into a base letter and a mark.
_FOLD = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "Ae", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i"}
)


@dataclass(frozen=True, slots=True)
class Contact:
    """One line of contacts.csv. Text throughout, blank where the shop does not know."""

    customer_id: str
    email: str
    first_name: str
    last_name: str
    language: str
    country: str
    city: str
    created_at: str
    accepts_marketing: str  # yes | no | blank: never asked
    consent_at: str
    consent_source: str
    values: str  # the answer to "what matters to you?" in a survey; blank: was not asked


@dataclass(frozen=True, slots=True)
class Person:
    """A contact, and when they first came to the shop."""

    contact: Contact
    since: date


def make_contacts(*, until: date, seed: int, count: int) -> list[Person]:
    """Return `count` people who came over the two years up to `until`, or a little before; the oldest first."""
    dice = random.Random(f"{seed} contacts")
    taken: set[str] = set()
    ages = sorted((HISTORY.days * (1.15 * dice.random()) for _ in range(count)), reverse=True)
    answers = random.Random(f"{seed} survey")
    return [
        _person(number, dice, taken, until - timedelta(days=int(age) + 1), _answer(answers))
        for number, age in enumerate(ages, start=1)
    ]


def _answer(dice: random.Random) -> str:
    """Return what one person ticked in the survey; a fifth took part."""
    ticked = [value for value, share in VALUES if dice.random() < share]
    return "; ".join(ticked) if dice.random() < 0.2 else ""


def _person(number: int, dice: random.Random, taken: set[str], since: date, values: str) -> Person:
    origin = dice.choices(ORIGINS, [origin.share for origin in ORIGINS])[0]
    first, first_ascii = _name(dice.choice(origin.given))
    last, last_ascii = _name(dice.choice(origin.family))
    email = "" if dice.random() < 0.04 else _address(f"{first_ascii}.{last_ascii}".strip("."), dice, taken)
    if dice.random() < 0.06:  # signed up with an address and nothing else
        first = last = ""
    return Person(_contact(number, dice, origin, email, (first, last), since, values), since)


def _contact(
    number: int, dice: random.Random, origin: Origin, email: str, name: tuple[str, str], since: date, values: str
) -> Contact:
    country, city = dice.choice(origin.places)
    answer, on, where = _consent(dice, since) if email else ("", "", "")
    return Contact(
        customer_id=f"C{number:05d}",
        email=email,
        first_name=name[0],
        last_name=name[1],
        language=origin.language,
        country=country,
        city=city,
        created_at=since.isoformat(),
        accepts_marketing=answer,
        consent_at=on,
        consent_source=where,
        values=values,
    )


def _consent(dice: random.Random, since: date) -> tuple[str, str, str]:
    """Return (answer, day, where it was given); all blank for somebody who was never asked."""
    roll = dice.random()
    if roll < 0.62:
        return "yes", since.isoformat(), dice.choice(("checkout box", "sign-up form", "list at the market stall"))
    if roll < 0.80:
        return "no", since.isoformat(), "checkout box"
    return "", "", ""


def _name(written: str) -> tuple[str, str]:
    """Return a name and its plain letters for an e-mail address."""
    name, _, plain = written.partition("|")
    folded = unicodedata.normalize("NFKD", (plain or name).translate(_FOLD)).encode("ascii", "ignore").decode()
    return name, re.sub(r"[^a-z]+", "", folded.lower())


def _address(local: str, dice: random.Random, taken: set[str]) -> str:
    """Return an address nobody has yet, as people choose them: a number is added where the plain one is gone."""
    domain = dice.choice(DOMAINS)
    address, number = f"{local}@{domain}", 1
    while address in taken:
        number += 1
        address = f"{local}{number}@{domain}"
    taken.add(address)
    return address
