"""Tags of other tools: whose they are, and what to write here, wherever they are met."""

from __future__ import annotations

import pytest

from mailflow.templates import foreign
from mailflow.templates.lint import links
from mailflow.templates.lint.links import Hosts
from mailflow.templates.lint.wording import Wording

FIRST = '{{ contact.first_name | default("there") }}'


@pytest.mark.parametrize(
    ("tag", "tool", "ours"),
    [
        ("*|FNAME|*", "Mailchimp", FIRST),
        ("*|LIST:COMPANY|*", "Mailchimp", "{{ shop.name }}"),
        ("*|IF:FNAME|*", "Mailchimp", "{% if … %}"),
        ("%%first_name%%", "Salesforce, Pardot or SendGrid", FIRST),
        ("%FIRSTNAME%", "ActiveCampaign or Mailgun", FIRST),
        ("<%= user.first_name %>", "Ruby (ERB) or EJS", FIRST),
        ("{$unsubscribe}", "MailerLite or Smarty", "{{ unsubscribe_url }}"),
        ("[[var:firstname]]", "Mailjet, GetResponse or Constant Contact", FIRST),
        ("${object.partner_id.name}", "Odoo or a program", "{{ … }} with a name of mailflow's (docs/templates.md)"),
        ("{contactfield=lastname|friend}", "Mautic", "{{ contact.last_name }}"),
        ("[firstname,fallback=there]", "Campaign Monitor", FIRST),
        ("{unsubscribe_url}", "Omnisend, Mautic or Brevo", "{{ unsubscribe_url }}"),
        ("$[FNAME|Customer]$", "Zoho", FIRST),
    ],
)
def test_a_tag_left_in_a_text_is_told_with_what_to_write(tag: str, tool: str, ours: str) -> None:
    (found,) = foreign.left(f"Dear {tag}, hello.")
    assert (found.text, found.tool, found.ours) == (tag, tool, ours)
    (told,) = Wording([], "").text(f"Dear {tag}, hello.")
    assert (told.code, told.message) == ("L103", f"{tag} is a tag of {tool}: write {ours}")


@pytest.mark.parametrize(
    "text",
    ["100% wool, 50% off", "a%20b%E2%80%99c", "[1] (2) {3}", "$5 {a}", "| a | b |", "R&D <tea>", "5 * 3 | 2 * 1", "%%"],
)
def test_what_people_write_is_no_tag(text: str) -> None:
    assert list(foreign.left(text)) == []


def test_every_tag_of_a_text_is_told_at_once() -> None:
    told = [found.about for found in Wording([], "").text("*|FNAME|* *|LNAME|* {$city}")]
    assert told == ["*|FNAME|*", "*|LNAME|*", "{$city}"]


def test_a_link_that_is_a_tag_is_told_as_one() -> None:
    (found,) = links.check("*|UNSUB|*", Hosts(), is_picture=False)
    assert found.code == "L103"
    assert found.message.endswith("write {{ unsubscribe_url }}")
    assert [each.code for each in links.check("tea/50%25", Hosts(), is_picture=False)] == ["L305"]


@pytest.mark.parametrize(
    ("tag", "ours"),
    [
        ("{{#if vip}}", "{% if … %}"),
        ("{{#each items}}", "{% for x in … %}"),
        ("{{/each}}", "{% endfor %}"),
        ("{{> header}}", '{% include "blocks/NAME.html" %}'),
        ("{{{ first_name }}}", FIRST),
        ("{{this.price}}", "{{ x.price }} inside of {% for x in … %}"),
        ("{{ .Subscriber.FirstName }}", FIRST),
        ('{{ TrackLink "https://a.example" . }}', "{{ … }} with a name of mailflow's (docs/templates.md)"),
        ("{{ first_name|default:'friend' }}", FIRST),
        ("{{ price|money:'EUR' }}", "a filter's value in brackets, {{ price | money(…) }}"),
        ("{% unless vip %}", "{% if not … %}"),
        ("{% unsubscribe 'here' %}", '<a href="{{ unsubscribe_url }}">Unsubscribe</a>'),
        ("{{lead.First Name}}", FIRST),
    ],
)
def test_a_tag_that_cannot_be_read_is_told_with_what_to_write(tag: str, ours: str) -> None:
    (found,) = foreign.unreadable(f"One\n{tag} two\nthree", 2)
    assert (found.text, found.ours) == (tag, ours)
    assert foreign.unreadable(f"One\n{tag} two\nthree {{% if %}}", 3) == []


@pytest.mark.parametrize("tag", ["{% if x == %}", "{{ contact.first_name | }}", "{% for x in %}", "{{ a + }}"])
def test_a_slip_of_ones_own_is_nobody_elses(tag: str) -> None:
    assert foreign.unreadable(tag, 1) == []


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("FNAME", FIRST), ("contact.FIRSTNAME", FIRST), ("subscriber.firstName", FIRST),
        ("product_name", "{{ shop.name }}"), ("CURRENT_YEAR", "{{ today.year }}"), ("webview_url", "{{ view_url }}"),
        ("action_url", None), ("nameplate", None), ("", None),
    ],
)  # fmt: skip
def test_names_of_others_are_known_by_what_they_mean(name: str, ours: str | None) -> None:
    assert foreign.ours(name) == ours
