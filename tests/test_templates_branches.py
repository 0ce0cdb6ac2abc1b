"""Branches: every way through the conditions and loops of a template, with its file and line, and who takes which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailflow import templates
from mailflow.templates import context
from mailflow.templates.branches import Branches
from mailflow.templates.parts import TemplateError

HEAD = '---\nsubject: "Tea"\n---\n'


def loaded(folder: Path, text: str, **files: str) -> Branches:
    (folder / "blocks").mkdir(parents=True, exist_ok=True)
    (folder / "layouts").mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", "/").replace("_html", ".html").replace("_md", ".md")).write_text(content)
    (folder / "t.md").write_text(text, encoding="utf-8")
    return Branches(templates.load(folder, "t"))


def person(**fields: Any) -> dict[str, Any]:
    known = context.sample()
    return {**known, "contact": {**known["contact"], **fields}, "unsubscribe_url": "https://shop.example/u"}


def own(branches: Branches, known: dict[str, Any]) -> list[tuple[str, str]]:
    """Return place and words of what somebody takes, but for what mailflow's own layouts do."""
    return [
        (branch.place.removeprefix("templates/"), branch.words)
        for branch in branches.of(branches.taken(known))
        if not branch.file.startswith("mailflow:")
    ]


def test_each_part_of_a_condition_is_a_branch_at_its_own_line(tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    branches = loaded(
        folder,
        HEAD + '\n{% if contact.country == "AT" %}\nServus\n{% elif contact.country == "DE" %}\nMoin\n{% else %}\nHi\n'
        "{% endif %}\n",
    )
    assert own(branches, person(country="AT")) == [("t.md:5", 'if contact.country == "AT"')]
    assert own(branches, person(country="DE")) == [("t.md:7", 'elif contact.country == "DE"')]
    assert own(branches, person(country="FR")) == [("t.md:9", 'else of if contact.country == "AT"')]


def test_the_way_past_a_condition_is_one_that_nobody_wrote(tmp_path: Path) -> None:
    branches = loaded(tmp_path / "templates", HEAD + "{% if contact.company %}\nFirm\n{% endif %}\nHi\n")
    (past,) = [
        branch for branch in branches.of(branches.taken(person(company=None))) if branch.file == "templates/t.md"
    ]
    assert past.words == "no: if contact.company"
    assert not past.is_written


def test_a_loop_over_nothing_and_one_with_entries_are_two_branches(tmp_path: Path) -> None:
    text = HEAD + "Hi\n\n{% for one in recommendations %}\n- {{ one.title }}\n{% else %}\nNone.\n{% endfor %}\n"
    branches = loaded(tmp_path / "templates", text)
    some = [{"title": "Pot", "url": "https://shop.example/pot"}]
    assert own(branches, {**person(), "recommendations": some}) == [("t.md:6", "for one in recommendations")]
    assert own(branches, {**person(), "recommendations": []}) == [("t.md:8", "else of for one in recommendations")]


def test_what_happens_in_any_round_of_a_loop_is_taken(tmp_path: Path) -> None:
    text = (
        HEAD
        + "{% for one in contact.segments %}\n{% if one == 'vip' %}\nVip\n{% else %}\nNo\n{% endif %}\n{% endfor %}\n"
    )
    branches = loaded(tmp_path / "templates", text)
    taken = {words for _, words in own(branches, person(segments=["vip", "new"]))}
    assert taken == {"for one in contact.segments", "else of if one == 'vip'", "if one == 'vip'"}
    assert len(own(branches, person(segments=["vip"]))) == 2


def test_inline_conditions_in_subject_preheader_links_and_text_are_branches(tmp_path: Path) -> None:
    text = (
        "---\nsubject: \"{{ 'Firm' if contact.company else 'You' }}\"\n"
        'preheader: "{% if contact.city %}Near{% else %}Far{% endif %}"\n---\n'
        "[Go](https://shop.example/{{ 'a' if contact.city else 'b' }})\n"
    )
    branches = loaded(tmp_path / "templates", text)
    assert own(branches, person(company="X", city=None)) == [
        ("t.md:2", "yes: 'Firm' if contact.company else 'You'"),
        ("t.md:3", "else of if contact.city"),
        ("t.md:5", "no: 'a' if contact.city else 'b'"),
    ]


def test_blocks_and_a_layout_of_ones_own_keep_their_files_and_lines(tmp_path: Path) -> None:
    layout = (
        "<html><body>\n{% if contact.company %}Firm{% endif %}\n{{ content }}\n"
        '{{ shop.address }} <a href="{{ unsubscribe_url }}">Unsubscribe</a></body></html>'
    )
    text = '---\nsubject: "Tea"\nlayout: own\n---\nHi\n\n{% include "blocks/vip.md" %}\n'
    block = 'Dear\n{% if contact.country\n   == "AT" %}Servus{% else %}Hi{% endif %}\n'
    branches = loaded(tmp_path / "templates", text, layouts__own_html=layout, blocks__vip_md=block)
    assert own(branches, person(company="X", country="DE")) == [
        ("layouts/own.html:2", "if contact.company"),
        ("blocks/vip.md:3", 'else of if contact.country == "AT"'),
    ]


def test_translations_are_branches_too(tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "t.de.md").write_text('---\nsubject: "Tee"\n---\n{% if contact.city %}\nHallo\n{% endif %}\n')
    branches = loaded(folder, '---\nsubject: "Tea"\nlanguage: en\n---\nHello\n')
    assert own(branches, person(language="de", city="Graz")) == [
        ("t.de.md:1", "in de"),
        ("t.de.md:4", "if contact.city"),
    ]
    assert own(branches, person(language="en")) == [("t.md:1", "in en")]


def test_a_branch_that_does_not_run_is_not_taken_whatever_stands_in_it(tmp_path: Path) -> None:
    text = HEAD + "{% if contact.company %}\n{% if contact.nonesuch.deeper %}x{% endif %}\n{% endif %}\nHi\n"
    branches = loaded(tmp_path / "templates", text)
    assert [words for _, words in own(branches, person(company=None))] == ["no: if contact.company"]
    with pytest.raises(TemplateError, match=r"t\.md:5: .*nonesuch"):
        branches.taken(person(company="X"))


def test_what_is_sent_is_the_same_bytes_as_before_it_was_looked_at(tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    branches = loaded(
        folder, HEAD + "{% if contact.city %}\nNear\n{% endif %}\n{{ 'a' if contact.company else 'b' }}\n"
    )
    alone = templates.load(folder, "t").render(person())
    looked_at = templates.load(folder, "t")
    Branches(looked_at).taken(person())
    assert looked_at.render(person()) == alone
    assert "__asked__" not in alone.html + looked_at.html_source
    assert branches.all
