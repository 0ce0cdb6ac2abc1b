"""Drafts come from rules or a command, and nobody gets one that a person has not read as it stands."""

from __future__ import annotations

import json
import random
import re
import sys
import time
from pathlib import Path

import pytest

from mail_shop import NOW, letters, mailflow, make_shop, write_campaign
from mailflow.errors import ProblemsError, UnavailableError, UsageError
from mailflow.jobs import draft_command, draft_words
from mailflow.jobs.draft_words import Original
from mailflow.templates import TemplateError, grammar, load, review
from mailflow.templates.grammar import Grammar, GrammarError, GrammarFile
from mailflow.workspace import Workspace

TEMPLATE = """---
# what it is about
subject: "Tea, {{ contact.first_name | default('you') }}"
preheader: >-
  Two lines that
  are folded.
topic: tea
---
Hello there.
"""
RULES = """
rules:
  greeting: [Hello, "Good {morning|evening}"]
templates:
  hello:
    subject: "{greeting}, {{ contact.first_name | default('you') }}"
    preheader: ["{Fresh tea, hand picked and dried in the shade|Tea for a quiet morning, from the second shelf}"]
    body: "{greeting}.\\n\\nTea is {here|in}."
"""


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    """A shop with one template, `hello`, and rules for it."""
    shop = make_shop(tmp_path / "shop", 2)
    (shop.root / "templates" / "hello.md").write_text(TEMPLATE, encoding="utf-8")
    (shop.root / "grammar.yaml").write_text(RULES, encoding="utf-8")
    return shop


def written(shop: Workspace) -> dict[str, str]:
    """Return name → text of the drafts there are."""
    folder = shop.templates / "drafts"
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.md"))}


def write(text: str, *, seed: int = 1, tone: frozenset[str] = frozenset(), **rules: object) -> str:
    known = GrammarFile.model_validate({"rules": {"start": text, **rules}}).rules
    return Grammar(known, {"shop": "Quitte"}, tone).write("start", random.Random(seed))


def every(text: str, **rules: object) -> set[str]:
    return {write(text, seed=seed, **rules) for seed in range(60)}


def test_alternatives_rules_and_tags() -> None:
    assert every("{a|b{c|d}} of {shop}") == {"a of Quitte", "bc of Quitte", "bd of Quitte"}
    assert every("a {very |}long {word}", word=["day", "night"]) == {
        "a very long day", "a long day", "a very long night", "a long night",
    }  # fmt: skip
    assert every("{x|{{ a | b }}} {% if y %}{% endif %}") == {
        "x {% if y %}{% endif %}",
        "{{ a | b }} {% if y %}{% endif %}",
    }
    assert every(r"\{a\|b\}") == {"{a|b}"}


def test_weights_and_the_tone_of_the_brand_decide() -> None:
    rules = {"word": [{"text": "often", "weight": 1000}, {"text": "rare", "weight": 0.001}]}
    assert every("{word}", **rules) == {"often"}
    toned = [{"text": "dear", "tone": "Warm"}, {"text": "good", "tone": "cool"}]
    assert write("{word}", tone=frozenset({"warm"}), word=toned) == "dear"
    with pytest.raises(GrammarError, match="no wording for the tone"):
        write("{word}", word=toned)


@pytest.mark.parametrize(
    ("text", "told"),
    [("{a", "has no }"), ("{Only this}", "neither the name of a rule nor"), ("{strat}", "did you mean 'start'?")],
)
def test_rules_that_cannot_be_followed_are_told(text: str, told: str) -> None:
    with pytest.raises(GrammarError, match=re.escape(told)):
        write(text)


def test_a_rule_that_leads_to_itself_ends() -> None:
    with pytest.raises(GrammarError, match="leads to itself"):
        write("{start} {start}")


def test_a_mistake_in_the_grammar_has_its_place(shop: Workspace) -> None:
    (shop.root / "grammar.yaml").write_text("templates:\n  hello:\n    subject: '{greting}'\n", encoding="utf-8")
    with pytest.raises(ProblemsError, match=r"grammar.yaml:2:3: unknown rule \{greting\}"):
        list(draft_words.by_grammar(shop, Original.open(shop, "hello"), seed=1, wanted=1))


def test_the_same_seed_writes_the_same_drafts(shop: Workspace, tmp_path: Path) -> None:
    other = make_shop(tmp_path / "other", 0)
    for name in ("templates/hello.md", "grammar.yaml"):
        (other.root / name).write_bytes((shop.root / name).read_bytes())
    for each in (shop, other):
        assert mailflow(each, "draft", "hello", "--count", "3", "--seed", "5", now=NOW) == 0
    assert list(written(shop)) == ["hello.a.md", "hello.b.md", "hello.c.md"]
    assert written(shop) == written(other)


def test_a_draft_keeps_everything_but_the_words(shop: Workspace) -> None:
    assert mailflow(shop, "draft", "hello", "--count", "1", now=NOW) == 0
    (text,) = written(shop).values()
    front = text.split("---\n")[1]
    assert "topic: tea\nreviewed: no\n" in front
    assert front.count("preheader:") == 1
    assert "folded" not in front


def test_wordings_that_are_there_already_are_not_written_again(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop.root / "grammar.yaml").write_text(
        "templates: {hello: {subject: ['{One|Two} teas for a very quiet morning']}}", encoding="utf-8"
    )
    assert mailflow(shop, "draft", "hello", "--count", "9", now=NOW) == 0
    assert len(written(shop)) == 2
    assert "that were there already" in capsys.readouterr().err
    assert mailflow(shop, "draft", "hello", "--seed", "2", now=NOW) == 0
    assert len(written(shop)) == 2


def test_a_wording_with_a_banned_word_is_left_out(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    (shop.root / "brand.yaml").write_text("banned_words: [good]\n", encoding="utf-8")
    rules = "templates: {hello: {subject: '{Good|Fine|Black} tea for a quiet morning'}}"
    (shop.root / "grammar.yaml").write_text(rules, encoding="utf-8")
    assert mailflow(shop, "draft", "hello", "--count", "3", now=NOW) == 0
    assert len(written(shop)) == 2
    assert not any("Good" in text for text in written(shop).values())
    assert "(L106)" in capsys.readouterr().err


def test_an_unread_draft_goes_to_nobody(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert mailflow(shop, "draft", "hello", "--count", "1", now=NOW) == 0
    write_campaign(shop.root, "hello", "audience: everyone\ntemplate: drafts/hello.a\n")
    for words in (["plan", "hello"], ["send", "hello", "--yes"], ["send", "hello", "--test-to", "a@b.example"]):
        capsys.readouterr()
        assert mailflow(shop, *words, now=NOW) == 78
        told = capsys.readouterr().err
        assert "templates/drafts/hello.a.md:6: nobody has reviewed it" in told
        assert "mailflow draft drafts/hello.a --reviewed-by NAME" in told
    assert letters(shop) == []
    assert mailflow(shop, "lint", now=NOW) == 78
    assert mailflow(shop, "preview", "drafts/hello.a", now=NOW) == 0


def test_a_signed_draft_goes_until_it_is_changed(shop: Workspace) -> None:
    assert mailflow(shop, "draft", "hello", "--count", "1", now=NOW) == 0
    write_campaign(shop.root, "hello", "audience: everyone\ntemplate: drafts/hello.a\n")
    assert mailflow(shop, "draft", "drafts/hello.a", "--reviewed-by", "Anna Berger", now=NOW) == 0
    path = shop.templates / "drafts" / "hello.a.md"
    signed = path.read_text(encoding="utf-8")
    assert re.search(r"^reviewed: Anna Berger 2026-03-20 [0-9a-f]{12}$", signed, re.MULTILINE)
    path.write_bytes(signed.replace("\n", "\r\n").encode())  # as an editor may save it: the same words
    assert mailflow(shop, "plan", "hello", now=NOW) == 0
    path.write_text(signed.replace("Tea is", "Free tea is"), encoding="utf-8")
    assert mailflow(shop, "plan", "hello", now=NOW) == 78
    assert mailflow(shop, "draft", "drafts/hello.a", "--reviewed-by", "Bo", now=NOW) == 0
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert len(letters(shop)) == 2


def test_a_line_written_by_hand_counts_with_its_mark(shop: Workspace) -> None:
    assert mailflow(shop, "draft", "hello", "--count", "1", now=NOW) == 0
    path = shop.templates / "drafts" / "hello.a.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("reviewed: no", "reviewed: Anna 2026-03-20"), encoding="utf-8")
    with pytest.raises(TemplateError, match="its review has no mark") as caught:
        load(shop.templates, "drafts/hello.a")
    mark = re.search(r"reviewed: NAME DATE ([0-9a-f]{12})", str(caught.value))
    assert mark is not None
    path.write_text(text.replace("reviewed: no", f"reviewed: Anna 2026-03-20 {mark[1]}"), encoding="utf-8")
    load(shop.templates, "drafts/hello.a")


def test_without_its_line_a_file_among_the_drafts_is_unread_too(shop: Workspace) -> None:
    folder = shop.templates / "drafts"
    folder.mkdir()
    (folder / "x.md").write_text(TEMPLATE, encoding="utf-8")
    with pytest.raises(TemplateError, match="nobody has reviewed it"):
        load(shop.templates, "drafts/x")


def test_an_unread_translation_holds_the_whole_message(shop: Workspace) -> None:
    text = "---\nsubject: Tee\nreviewed: no\n---\nHallo.\n"
    (shop.templates / "hello.de.md").write_text(text, encoding="utf-8")
    with pytest.raises(TemplateError, match=r"hello.de.md:3: nobody has reviewed it"):
        load(shop.templates, "hello")


def test_names_to_sign_with_are_names(shop: Workspace) -> None:
    assert mailflow(shop, "draft", "hello", "--count", "1", now=NOW) == 0
    assert mailflow(shop, "draft", "drafts/hello.a", "--reviewed-by", 'x: "y', now=NOW) == 2
    assert "reviewed: no" in written(shop)["hello.a.md"]
    assert mailflow(shop, "draft", "hello", "--reviewed-by", "Anna", now=NOW) == 2  # it is no draft


def test_what_was_written_before_a_command_failed_is_kept(
    shop: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "import sys\nif ' 2 of' in sys.stdin.read(): sys.exit('out of tokens')\nprint('subject: One\\n\\nBody.')"
    assert mailflow(shop, "draft", "hello", "--count", "3", "--with", command(tmp_path, code), now=NOW) == 0
    assert len(written(shop)) == 1
    assert "out of tokens" in capsys.readouterr().err


def command(tmp_path: Path, code: str) -> str:
    path = tmp_path / "model.py"
    path.write_text(code, encoding="utf-8")
    return f"{sys.executable} {path}"


def test_a_command_reads_the_template_and_writes_drafts(shop: Workspace, tmp_path: Path) -> None:
    asked = tmp_path / "asked.txt"
    code = f"""
import sys
text = sys.stdin.read()
open({str(asked)!r}, "w").write(text)
number = text.split()[2]
print("```\\nSubject: Tea number " + number + ", {{{{ contact.first_name }}}}\\n\\nPour it.\\n```")
"""
    (shop.root / "brand.yaml").write_text("tone: [plain]\nbanned_words: [cheap]\n", encoding="utf-8")
    code = code.replace("{{ contact.first_name }}", "{{ contact.first_name | default('you') }}")
    assert mailflow(shop, "draft", "hello", "--count", "2", "--with", command(tmp_path, code), now=NOW) == 0
    assert len(written(shop)) == 2
    assert "subject: \"Tea number 1, {{ contact.first_name | default('you') }}\"" in written(shop)["hello.a.md"]
    assert written(shop)["hello.a.md"].endswith("reviewed: no\n---\nPour it.\n")
    said = asked.read_text(encoding="utf-8")
    for part in ("Tone: plain.", "must not occur: cheap.", "Hello there."):
        assert part in said
    assert "p1@example.com" not in said


@pytest.mark.parametrize(
    ("answer", "left_out"),
    [
        ("print('subject: x {% for %}'); print(); print('y')", "no template"),
        ("pass", "without a subject or a body"),
        ("print('subject: a'); print('reviewed: yes'); print('---'); print('x')", ""),
    ],
)
def test_what_a_command_says_is_no_more_than_words(
    shop: Workspace, tmp_path: Path, answer: str, left_out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mailflow(shop, "draft", "hello", "--count", "1", "--with", command(tmp_path, answer), now=NOW) == 0
    assert left_out in capsys.readouterr().err
    for name in written(shop):
        with pytest.raises(TemplateError):
            load(shop.templates, f"drafts/{name.removesuffix('.md')}")


@pytest.mark.parametrize(
    ("code", "error", "told"),
    [
        ("import time; time.sleep(60)", UnavailableError, "did not answer within"),
        ("import sys; sys.stdout.close(); import time; time.sleep(60)", UnavailableError, "did not answer within"),
        ("while True: print('x' * 10000)", UnavailableError, "more than 256 KB"),
        ("import sys; sys.exit('no such model')", UnavailableError, "ended with code 1: no such model"),
    ],
)
def test_a_command_is_held_to_time_and_size(tmp_path: Path, code: str, error: type[Exception], told: str) -> None:
    began = time.monotonic()
    with pytest.raises(error, match=told):
        draft_command.ask(command(tmp_path, code), "x" * 200_000, seconds=1.5)
    assert time.monotonic() - began < 30


def test_a_command_that_is_not_there_is_told() -> None:
    for words in ("no-such-model-here", "", "'open"):
        with pytest.raises(UsageError, match="--with"):
            draft_command.ask(words, "x", seconds=1)


def test_the_grammar_of_the_pack_has_words_for_its_templates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = make_shop(tmp_path / "shop", 0)
    for name in grammar.read(shop.root / "grammar.yaml").file.templates:
        wordings = draft_words.by_grammar(shop, Original.open(shop, name), seed=1, wanted=2)
        assert len({wording[""].key for wording in wordings}) >= 5
    capsys.readouterr()
    assert mailflow(shop, "draft", "win_back", "--count", "5", "--format", "json", now=NOW) == 0
    assert [one["findings"] for one in json.loads(capsys.readouterr().out)] == [[]] * 5


GERMAN = """---
subject: "Tee, {{ contact.first_name | default('du') }}"
---
Hallo.
"""


def translate(shop: Workspace, tag: str = "de", text: str = GERMAN) -> None:
    (shop.templates / f"hello.{tag}.md").write_text(text, encoding="utf-8")


def rules(shop: Workspace, more: str) -> None:
    """Put rules for translations to those there are; `more` is indented as a template's."""
    text = RULES.replace("rules:\n", 'rules:\n  greeting.de: [Servus, "Guten {Morgen|Abend}"]\n', 1)
    (shop.root / "grammar.yaml").write_text(text + more, encoding="utf-8")


def test_a_draft_is_made_in_every_language_of_the_template(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    translate(shop)
    rules(shop, '  hello.de:\n    body: "{greeting}. Tee ist da."\n')
    assert mailflow(shop, "draft", "hello", "--count", "2", "--format", "json", now=NOW) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["template"] for row in rows] == [
        "drafts/hello.a", "drafts/hello.a.de", "drafts/hello.b", "drafts/hello.b.de",
    ]  # fmt: skip
    text = written(shop)["hello.a.de.md"]
    assert re.search(r"^(Servus|Guten (Morgen|Abend))\. Tee ist da\.$", text, re.MULTILINE)
    assert "subject: \"Tee, {{ contact.first_name | default('du') }}\"" in text  # no rule: as it was
    assert "Hello" not in text
    assert "Good" not in text
    draft = load(shop.templates, "drafts/hello.a", unreviewed=True)
    assert list(draft.translations) == ["de"]


def test_a_translation_without_rules_goes_along_as_it_is_and_is_named(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    translate(shop)
    assert mailflow(shop, "draft", "hello", "--count", "1", now=NOW) == 0
    assert "hello.de stays as it was" in capsys.readouterr().err
    assert written(shop)["hello.a.de.md"].endswith("reviewed: no\n---\nHallo.\n")


def test_no_rule_of_another_language_gets_into_a_translation(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    translate(shop)
    (shop.root / "grammar.yaml").write_text(f'{RULES}  hello.de:\n    body: "{{greeting}}."\n', encoding="utf-8")
    assert mailflow(shop, "draft", "hello", now=NOW) == 78
    said = capsys.readouterr().err
    assert "grammar.yaml:" in said
    assert "the rule {greeting} has no wording in de: write greeting.de" in said
    assert written(shop) == {}


def test_a_region_has_the_rules_of_its_language_and_its_own_before_them(shop: Workspace) -> None:
    translate(shop, "de-AT")
    rules(shop, '  hello.de:\n    body: "{greeting}."\n')
    text = (shop.root / "grammar.yaml").read_text(encoding="utf-8")
    original = Original.open(shop, "hello")
    said = {each["de-AT"].body for each in draft_words.by_grammar(shop, original, seed=1, wanted=1)}
    assert said == {"Servus.", "Guten Morgen.", "Guten Abend."}
    (shop.root / "grammar.yaml").write_text(text.replace("rules:\n", "rules:\n  greeting.de_at: Griaß di\n", 1))
    said = {each["de-AT"].body for each in draft_words.by_grammar(shop, original, seed=1, wanted=1)}
    assert said == {"Griaß di."}


def test_every_language_of_a_draft_is_signed_before_it_goes(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    translate(shop)
    assert mailflow(shop, "draft", "hello", "--count", "1", now=NOW) == 0
    capsys.readouterr()
    assert mailflow(shop, "draft", "drafts/hello.a", "--reviewed-by", "Anna", now=NOW) == 0
    assert (
        "still to be read and signed: `mailflow draft drafts/hello.a.de --reviewed-by NAME`" in capsys.readouterr().err
    )
    with pytest.raises(TemplateError, match=r"hello.a.de.md:\d+: nobody has reviewed it"):
        load(shop.templates, "drafts/hello.a")
    assert mailflow(shop, "draft", "drafts/hello.a.de", "--reviewed-by", "Berta", now=NOW) == 0
    assert "drafts/hello.a may be sent now" in capsys.readouterr().err
    load(shop.templates, "drafts/hello.a")


def test_a_banned_word_in_one_language_takes_the_whole_draft_away(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    translate(shop)
    rules(shop, '  hello.de:\n    body: "Billig."\n')
    (shop.root / "brand.yaml").write_text("banned_words: [billig]\n", encoding="utf-8")
    assert mailflow(shop, "draft", "hello", "--count", "1", now=NOW) == 0
    assert "billig" in capsys.readouterr().err.lower()
    assert written(shop) == {}


def test_a_translation_is_drafted_with_its_template(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    translate(shop)
    assert mailflow(shop, "draft", "hello.de", now=NOW) == 2
    assert "`mailflow draft hello` words it anew with the template" in capsys.readouterr().err


def test_a_command_is_asked_for_each_language_and_told_what_was_said(shop: Workspace, tmp_path: Path) -> None:
    translate(shop)
    log = tmp_path / "log.txt"
    code = f"""
import sys
text = sys.stdin.read()
open({str(log)!r}, "a").write(text + "=====")
print("subject: Tee\\n\\nTrink." if "in German" in text else "subject: Tea\\n\\nDrink.")
"""
    assert mailflow(shop, "draft", "hello", "--count", "1", "--with", command(tmp_path, code), now=NOW) == 0
    english, german, _ = log.read_text(encoding="utf-8").split("=====")
    assert "in German" not in english
    assert "Drink." in german
    assert german.rstrip().endswith("Hallo.")
    assert {name: text.splitlines()[-1] for name, text in written(shop).items()} == {
        "hello.a.md": "Drink.",
        "hello.a.de.md": "Trink.",
    }


def test_a_mark_is_of_the_text_and_not_of_its_review() -> None:
    signed = review.with_line(TEMPLATE, "no")
    assert review.mark(signed) == review.mark(TEMPLATE) != review.mark(TEMPLATE.replace("Hello", "Hallo"))
