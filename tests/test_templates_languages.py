"""Which languages suit a reader, which way they are written, and what layouts make of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel import Locale, localedata

from mailflow import templates
from mailflow.templates import lasting, poll_words, reasons, words
from mailflow.templates.languages import chain, direction, nearest, plain
from mailflow.templates.linking import How


@pytest.mark.parametrize(
    ("reader", "tags"),
    [
        ("de_AT", ("de-at", "de")),
        ("zh-TW", ("zh-tw", "zh-hant", "zh-hk", "zh-mo", "zh")),
        ("zh-Hant-HK", ("zh-hant-hk", "zh-hant", "zh-tw", "zh-hk", "zh-mo", "zh")),
        ("zh", ("zh", "zh-hans", "zh-cn", "zh-sg", "zh-my")),
        ("nn-NO", ("nn-no", "nn", "no", "nb")),
        ("iw", ("iw", "he")),
        ("", ()),
        (None, ()),
    ],
)
def test_what_suits_a_reader_is_told_by_script_and_by_older_names(reader: str | None, tags: tuple[str, ...]) -> None:
    assert chain(reader) == tags


def test_the_direction_is_that_of_cldr_for_all_its_locales() -> None:
    upright = {"mn_Mong", "mn_Mong_CN", "mn_Mong_MN"}  # from top to bottom, which no mail program does
    wrong = [
        name
        for name in localedata.locale_identifiers()
        if name not in upright and Locale.parse(name).text_direction != direction(name)
    ]
    assert wrong == []
    assert [direction(tag) for tag in ("uz-Arab", "ar-Latn", "pa_PK", "")] == ["rtl", "ltr", "ltr", "ltr"]


def test_every_word_of_ours_is_there_in_the_same_languages() -> None:
    known = words._WORDS.keys()
    for others in (words._VIEW, words._ESSENTIAL, words._SHOP, reasons.REASONS, poll_words._KNOWN, lasting._WORDS):
        assert set(others) == set(known)
    assert all(tag == plain(tag) and nearest(dict.fromkeys(known, True), tag) for tag in known)


def test_a_language_of_three_letters_is_not_taken_for_one_of_two() -> None:
    assert words.layout_words("fil")["unsubscribe"] == "Unsubscribe"  # Filipino is not Finnish
    assert words.layout_words("no")["unsubscribe"] == words.layout_words("nb-NO")["unsubscribe"] == "Meld deg av"
    assert words.layout_words("zh-TW")["unsubscribe"] == "取消訂閱"


BODY = """---
subject: "News"
layout: {layout}
{more}---
# News

> Words

* one

| a | b |
|---|---|
| 1 | 2 |
"""


def page(folder: Path, layout: str, more: str = "", how: How = How(), suffix: str = ".md") -> str:
    folder.mkdir(exist_ok=True)
    text = BODY.format(layout=layout, more=more)
    if suffix == ".mjml":
        inside = "<mj-column><mj-text>News</mj-text></mj-column>"
        text = f'---\nsubject: "News"\n{more}---\n<mj-section>{inside}</mj-section>\n'
    (folder / f"news{suffix}").write_text(text, encoding="utf-8")
    shop = {"name": "Shop", "address": "Street 1", "language": "en", "url": None, "footer": []}
    context = {"contact": {"email": "a@example.com"}, "shop": shop}
    return templates.load(folder, "news", how).render({**context, "unsubscribe_url": "https://x.example/u"}).html


@pytest.mark.parametrize("layout", ["default", "announcement", "products", "digest", "letter", "receipt"])
def test_layouts_are_mirrored_for_what_is_written_from_right_to_left(tmp_path: Path, layout: str) -> None:
    arabic = page(tmp_path / "templates", layout, "language: ar\n")
    assert '<html lang="ar" dir="rtl"' in arabic
    assert arabic.count('dir="rtl"') == 2  # Gmail keeps that of the table, not of the page
    assert "border-right: 3px" in arabic
    assert "border-left: 3px" not in arabic
    english = page(tmp_path / "templates", layout, "language: en\n")
    assert 'dir="ltr"' in english
    assert "border-left: 3px" in english


def test_mjml_is_mirrored_too(tmp_path: Path) -> None:
    arabic = page(tmp_path / "templates", "default", "language: ar\n", suffix=".mjml").replace(": ", ":")
    assert "direction:rtl" in arabic
    assert "direction:ltr" not in arabic
    assert "text-align:right" in arabic


def test_a_text_that_says_no_language_is_written_as_the_shop_writes(tmp_path: Path) -> None:
    assert 'dir="rtl"' in page(tmp_path / "templates", "default", how=How(language="he-IL"))
    assert 'dir="ltr"' in page(tmp_path / "templates", "default")
