"""addresses: the same verdicts as email-validator, but quicker, and what a mailing tool refuses besides."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from mailflow.addresses import normalise

LOCALS = st.text("ab1.'_-+=?#A", min_size=0, max_size=6)
LABELS = st.text("ab1-xnA_", min_size=0, max_size=5)
ENDINGS = st.sampled_from(["com", "c", "c0", "TEST", "xn--a", "example", "arpa", "1", "co-m", "xn--p1ai", "ü"])


def refused(text: str) -> bool:
    try:
        normalise(text)
    except ValueError:
        return True
    return False


@settings(max_examples=1500, deadline=None)
@given(LOCALS, st.lists(LABELS, max_size=3), ENDINGS)
def test_verdicts_are_those_of_email_validator(local: str, labels: list[str], ending: str) -> None:
    text = f"{local}@{'.'.join([*labels, ending])}"
    try:
        valid = validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        assert refused(text)
        return
    if "=?" in local:
        assert refused(text)
    else:
        assert normalise(text).email == f"{valid.local_part}@{valid.ascii_domain}"


def test_case_of_the_local_part_is_kept_for_writing_and_ignored_for_comparing() -> None:
    assert normalise(" José.Muñoz@Example.COM ".replace("é", "e").replace("ñ", "n")) == (
        "Jose.Munoz@example.com",
        "jose.munoz@example.com",
    )


def test_domains_of_other_scripts_become_a_labels() -> None:
    assert normalise("ann@Bücher.example").email == "ann@xn--bcher-kva.example"


def test_gmail_dots_are_two_people() -> None:
    assert normalise("a.nn@gmail.com").key != normalise("ann@gmail.com").key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "ann@",
        "@example.com",
        "ann@example",
        "ann b@example.com",
        "ann@exam ple.com",
        "ann@example.com\nBcc: eve@example.com",
        "=?utf-8?q?x?=@example.com",
        "a" * 65 + "@example.com",
        "ann\x00@example.com",
        "ann\u202e@example.com",
        "ann@example.com, bob@example.com",
        "Ann <ann@example.com>",
        "ann@[127.0.0.1]",
        '"ann b"@example.com',
    ],
)
def test_what_cannot_be_mailed_is_refused(text: str) -> None:
    assert refused(text)


def test_a_local_part_of_64_characters_is_the_longest() -> None:
    assert normalise("a" * 64 + "@example.com")


def test_addresses_that_isemail_calls_errors_are_refused_and_plain_ones_taken(shared_data: Path) -> None:
    tests = ET.parse(shared_data / "addresses" / "isemail_tests.xml").getroot().iter("test")
    for test in tests:
        text = "".join(
            chr(ord(c) - 0x2400) if 0x2400 <= ord(c) <= 0x2420 else c for c in test.findtext("address") or ""
        )
        if test.findtext("category") == "ISEMAIL_ERR":
            # White space around an address is ours to trim, and a leading or trailing one is an error there.
            assert refused(text) or text != text.strip(), text
