"""What may be mailed, as it is written and as it is compared. What is remarkable about an address: flags.

The verdicts are email-validator's (syntax only, nothing is looked up), with what a mailing tool must refuse besides.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_LOCAL = 64  # RFC 5321, 4.5.3.1.1; email-validator lets longer ones through
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"(?!..--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# What nearly all addresses look like, in one match of about a microsecond: email-validator takes 60.
_PLAIN = re.compile(
    rf"({_ATOM}(?:\.{_ATOM})*)@((?:{_LABEL}\.)+(?!..--)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{{0,61}}))?[A-Za-z])\Z"
)
_SPECIAL_USE = frozenset({"arpa", "invalid", "local", "localhost", "onion", "test"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Address(NamedTuple):
    """An address that may be mailed.

    `email` is how it is written to: as given, with the domain in lower case and A-labels. `key` is how it is compared:
    the local part case-folded too. `Ann@Example.com` and `ann@example.com` are one person; `a.nn@` is another.
    """

    email: str
    key: str


def normalise(text: str) -> Address:
    """Read an address; `ValueError` with the reason where it cannot be mailed."""
    text = text.strip()
    match = _PLAIN.match(text)
    if match is None or len(text) > 200:
        return _normalise_unusual(text)
    local, domain = match.groups()
    domain = domain.lower()
    if domain.rpartition(".")[2] in _SPECIAL_USE or len(local) > MAX_LOCAL or "=?" in local:
        return _normalise_unusual(text)
    # One text object where one will do: an import remembers hundreds of thousands of them.
    email = f"{local}@{domain}"
    email = text if text == email else email
    key = email.lower()
    return Address(email, email if key == email else key)


def _normalise_unusual(text: str) -> Address:
    """Read what is not plain ASCII with email-validator: other scripts, Punycode, long names, and what is wrong."""
    from email_validator import EmailNotValidError, validate_email

    if not text:
        raise ValueError("the e-mail address is blank")
    if _CONTROL.search(text):
        raise ValueError("the e-mail address contains a control character")
    try:
        valid = validate_email(text, check_deliverability=False)
    except EmailNotValidError as error:
        raise ValueError(f"not an e-mail address: {error}") from None
    local, domain = valid.local_part, valid.ascii_domain
    _refuse_tricks(local)
    return Address(f"{local}@{domain}", f"{local.casefold()}@{domain}")


def _refuse_tricks(local: str) -> None:
    if len(local) > MAX_LOCAL:
        raise ValueError(f"the part of the e-mail address before the @ is longer than {MAX_LOCAL} characters")
    # An "encoded word" in an address can decode to a header of its own (CVE-2024-6923).
    if "=?" in local:
        raise ValueError("the e-mail address contains an encoded word (=?…)")
