"""Tags of other tools: whose they are, and what to write here, wherever they are met."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailflow import templates
from mailflow.templates import context, foreign
from mailflow.templates.lint import fields, links
from mailflow.templates.lint.links import Hosts
from mailflow.templates.lint.wording import Wording

FIRST = '{{ contact.first_name | default("there") }}'


@pytest.mark.parametrize(
    ("tag", "tool", "ours"),
    [
        ("*|FNAME|*", "Mailchimp", FIRST),
        ("*|LIST:COMPANY|*", "Mailchimp", "{{ shop.name }}"),
        ("*|IF:FNAME|*", "Mailchimp", "{% if … %}"),
        ("*|FNAME:Friend|*", "Mailchimp", FIRST),
        ("%%first_name%%", "Salesforce, Pardot or SendGrid", FIRST),
        ("%FIRSTNAME%", "ActiveCampaign or Mailgun", FIRST),
        ("<%= user.first_name %>", "EJS or Ruby (ERB)", FIRST),
        ("{$unsubscribe}", "MailerLite or Smarty", "{{ unsubscribe_url }}"),
        ("[[var:firstname]]", "Mailjet, GetResponse or Constant Contact", FIRST),
        ("${object.partner_id.name}", "Odoo or a program", "{{ … }} with a name of mailflow's (docs/templates.md)"),
        ("{contactfield=lastname|friend}", "Mautic", "{{ contact.last_name }}"),
        ("[firstname,fallback=there]", "Campaign Monitor", FIRST),
        ("{unsubscribe_url}", "Omnisend, Mautic or Brevo", "{{ unsubscribe_url }}"),
        ("$[FNAME|Customer]$", "Zoho", FIRST),
        ("[First Name]", "a draft that was to be filled in", FIRST),
        (
            "[customer's last name]",
            "a draft that was to be filled in",
            "{{ … }} with a name of mailflow's (docs/templates.md)",
        ),
        ("[Vorname]", "a draft that was to be filled in", FIRST),
        ("[Your Company Name]", "a draft that was to be filled in", "{{ shop.name }}"),
        ("{ { contact.last_name } }", "mailflow with its braces parted", "{{ contact.last_name }}"),
    ],
)
def test_a_tag_left_in_a_text_is_told_with_what_to_write(tag: str, tool: str, ours: str) -> None:
    (found,) = foreign.left(f"Dear {tag}, hello.")
    assert (found.text, found.tool, found.ours) == (tag, tool, ours)
    (told,) = Wording([], "").text(f"Dear {tag}, hello.")
    assert (told.code, told.message) == ("L103", f"{tag} is a tag of {tool}: write {ours}")


@pytest.mark.parametrize(
    "text",
    [
        "100% wool, 50% off",
        "a%20b%E2%80%99c",
        "[1] (2) {3}",
        "$5 {a}",
        "| a | b |",
        "R&D <tea>",
        "5 * 3 | 2 * 1",
        "%%",
        "[new]",
        "{{ polls[name] }}",
        "[Name](https://quitte.example)",
        "[name it]",
        "{ a }",
    ],
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
        ("{{/with}}", "{% endwith %}"),
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


def test_tags_for_which_the_same_is_to_be_written_are_told_once() -> None:
    told = [
        tag.sentence() for tag in foreign.unreadable("{{#if a}}\n{{#if b}}x{{/if}}\n{{#each c}}{{/each}}{{/if}}", 1)
    ]
    assert told == [
        "{{#if a}} is a tag of Handlebars or Mustache: write {% if … %} (1 more such)",
        "{{/if}} is a tag of Handlebars or Mustache: write {% endif %} (1 more such)",
        "{{#each c}} is a tag of Handlebars or Mustache: write {% for x in … %}",
        "{{/each}} is a tag of Handlebars or Mustache: write {% endfor %}",
    ]


def test_a_template_says_all_its_foreign_tags_with_their_lines(tmp_path: Path) -> None:
    body = "Hi {{ contact.city }}\n{{#if vip}}\nx\n{{/if}}\n"
    (tmp_path / "t.md").write_text(f"---\nsubject: x\n---\n{body}", encoding="utf-8")
    with pytest.raises(templates.TemplateError) as caught:
        templates.load(tmp_path, "t")
    assert [(problem.line, problem.message.partition(" ")[0]) for problem in caught.value.problems] == [
        (5, "{{#if"),
        (7, "{{/if}}"),
    ]


def test_a_name_of_another_tool_is_told_with_ours(tmp_path: Path) -> None:
    (tmp_path / "t.md").write_text("---\nsubject: x\n---\n{{ contact.FNAME }}\n", encoding="utf-8")
    with pytest.raises(templates.TemplateError, match=r"no 'FNAME' here \(mailflow says \{\{ contact.first_name"):
        templates.load(tmp_path, "t").render(context.sample())
    files = {"templates/t.md": "{{ customer.first_name }} {{ PRODUCT_NAME }} {{ contact.FIRSTNAME }}"}
    found = [each.message for each, _ in fields.unknown_names(files, {"contact": {}})]
    assert found == [
        "there is no 'PRODUCT_NAME' (mailflow says {{ shop.name }})",
        "there is no 'customer' (mailflow says {{ contact.first_name | default(\"there\") }})",
    ]
    (asked,) = fields.asked_of_person(files)
    told = fields.unknown(asked, {"first_name"})
    assert told is not None
    assert told.message.endswith('(mailflow says {{ contact.first_name | default("there") }})')


def test_a_subject_of_another_tool_is_told_too(tmp_path: Path) -> None:
    (tmp_path / "t.md").write_text(
        "---\nsubject: \"{{ first_name|default:'you' }}, hello\"\n---\nx\n", encoding="utf-8"
    )
    with pytest.raises(templates.TemplateError, match=r"t\.md:2:10: .* is a tag of Liquid or Klaviyo: write"):
        templates.load(tmp_path, "t")


def test_the_page_says_what_is_told() -> None:
    page = (Path(__file__).parents[1] / "docs" / "templates.md").read_text(encoding="utf-8")
    table = page.partition("## Templates from another tool")[2].partition("##")[0].replace(r"\|", "¦")
    rows = [
        [cell.strip().replace("¦", "|") for cell in row.split("|")[1:4]] for row in table.splitlines() if "`" in row
    ]
    rows = [row for row in rows if len(row) == 3 and row[0].startswith("`")]
    assert len(rows) >= 10
    for there, _, here in rows:
        wanted = [each.strip("`") for each in here.split("`, `")]
        text = there.strip("`").split("`, `")
        told = [tag.ours for each in text for tag in (*foreign.left(each), *foreign.unreadable(each, 1))]
        assert list(dict.fromkeys(told)) == wanted, there


def test_tags_of_a_file_are_told_with_their_place_and_once() -> None:
    text = "---\nsubject: x\n---\nHi *|FNAME|*, [bye](*|UNSUB|*) *|FNAME|*\n"
    told = [(found.about, place.line, place.column) for found, place in fields.of_others({"templates/t.md": text})]
    assert sorted(told) == [("*|FNAME|*", 4, 4), ("*|UNSUB|*", 4, 21)]
    words = Wording([], text)
    (same,) = words.line("Hi *|FNAME|*,", "subject")
    assert (same.about, same.near, same.key) == (
        "*|FNAME|*",
        ("*|FNAME|*",),
        "",
    )  # found in the file, at the same place
    assert [found.about for found in words.text("|UNSUB|")] == ["*|UNSUB|*"]  # what Markdown makes of it
    assert [found.about for found in words.text("Hi *|LNAME|*,")] == ["*|LNAME|*"]  # came with data
    (link,) = links.check("*%7CUNSUB%7C*", Hosts(), is_picture=False)
    assert (link.code, link.about) == ("L103", "*|UNSUB|*")
