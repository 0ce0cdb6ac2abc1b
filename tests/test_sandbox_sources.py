"""Sources written to hurt end in words: in 2 s of work, in a process of their own, and this one grows by nothing."""

from __future__ import annotations

import faulthandler
import os
import pickle
import resource
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mailflow import templates
from mailflow.templates import TemplateError, trial
from mailflow.templates.inline import inline_css
from mailflow.templates.mjml import to_html

HEAD = '---\nsubject: "x"\n---\n'
LIMIT = (
    "takes more than 2 s of work|takes more than 512 MB|nested|not closed|could get|at most|more than|is missing|deep"
)
FOOT = "{{ shop.address }} {{ unsubscribe_url }}"


def page(css: str, body: str) -> str:
    return f"<html lang='en'><head><title>x</title><style>{css}</style></head><body>{body}{FOOT}</body></html>"


RULES = "".join(f"p{{color:#{number:06x}}}" for number in range(2_000))
QUICK = {  # what a count of ours refuses, before a parser looks
    "html: comments that never end": ("html", "<!-- " * 40_000),
    "html: comments around a tag": ("html", "<!--" * 40_000 + "{{ contact.first_name }}"),
    "html: elements that never end": ("html", "<a " * 60_000),
    "html: quotes that never end": ("html", "<a b='" * 40_001),
    "html: elements in quotes": ("html", "<a b='>' c=\"" * 20_001),
    "html: styles that never end": ("html", "<style " * 25_000),
    "html: nested styles": ("html", "<style>" * 25_000),
    "html: nested elements": ("html", "<b>" * 60_000),
    "html: links that never end": ("html", "<link stylesheet" * 12_000),
    "html: frames that never end": ("html", "<body a=1 " * 20_000),
    "html: braces": ("html", "{" * 200_000),
    "html: tags that never end": ("html", "{{" * 50_000),
    "html: too many tags": ("html", "{{ contact.first_name }}" * 4_200),
    "html: one property after the other for everybody": (
        "html", page("p{" + "".join(f"a{number}:1;" for number in range(9_000)) + "}", "<p>x</p>" * 14_000)),
    "html: rule after rule for everybody": (
        "html", page(RULES, "<p>x</p>" * 15_000)),
    "mjml: too many components": ("mjml", f"<mjml><mj-body>{'<mj-section></mj-section>' * 9_000}</mj-body></mjml>"),
    "mjml: sections": (
        "mjml", "<mjml><mj-body>"
        + "<mj-section><mj-column><mj-text>a</mj-text></mj-column></mj-section>" * 3_500 + "</mj-body></mjml>"),
    "mjml: carousel": (
        "mjml", "<mjml><mj-body><mj-section><mj-column><mj-carousel>"
        + "<mj-carousel-image src='https://shop.example/a.png' />" * 3_000
        + "</mj-carousel></mj-column></mj-section></mj-body></mjml>"),
    "mjml: components that never end": ("mjml", "<mj-text " * 22_000),
    "mjml: nested without end": ("mjml", "<mjml>" + "<mj-head>" * 20_000),
    "md: more than 256 KB": ("md", "word " * 60_000),
}  # fmt: skip
SLOW = {  # what only the child's limits end
    "md: brackets": ("md", "[" * 200_000),
    "md: empty links": ("md", "[](" * 80_000),
    "md: one reference for thousands": ("md", f"[x]: https://shop.example/{'y' * 1000}\n\n" + "[x]\n" * 20_000),
    "md: a table of 10,000 columns": ("md", f"|{'a|' * 10_000}\n|{'-|' * 10_000}\n" + "|a\n" * 10_000),
    "md: tables without end": ("md", "a|b\n-|-\n" + "a|b\n" * 60_000),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "templates" / "blocks").mkdir(parents=True)
    (tmp_path / "templates" / "layouts").mkdir()
    return tmp_path / "templates"


def _cost(work: Callable[[], object]) -> tuple[float, int]:
    """Return the seconds of CPU that this process and its children took, and the KB that this one grew by."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    before = [resource.getrusage(kind) for kind in kinds]
    work()
    after = [resource.getrusage(kind) for kind in kinds]
    taken = sum(b.ru_utime + b.ru_stime - a.ru_utime - a.ru_stime for a, b in zip(before, after, strict=True))
    return taken, after[0].ru_maxrss - before[0].ru_maxrss


def assert_refused(folder: Path, suffix: str, body: str, most: float) -> str:
    """Hold that a template ends in a limit that names its file, within some seconds of work and 50 MB; return it."""
    (folder / f"hostile.{suffix}").write_text(HEAD + body)
    said: list[str] = []

    def load() -> None:
        with pytest.raises(TemplateError, match=LIMIT) as caught:
            templates.load(folder, "hostile")
        said.append(str(caught.value))

    taken, grown = _cost(load)
    assert said[0].startswith("templates/hostile."), said[0]
    assert taken < most
    assert grown < 50_000
    return said[0]


@pytest.mark.parametrize("name", QUICK)
def test_what_can_be_counted_is_refused_at_once(folder: Path, name: str) -> None:
    assert_refused(folder, *QUICK[name], most=2.5)


@pytest.mark.parametrize("name", SLOW)
def test_what_cannot_be_counted_ends_in_a_process_of_its_own(folder: Path, name: str) -> None:
    said = assert_refused(folder, *SLOW[name], most=3)
    assert "take something out of it" in said


@pytest.mark.parametrize("place", ["block", "layout", "brand", "translation"])
def test_the_limits_hold_for_every_file_that_a_template_is_made_of(folder: Path, place: str) -> None:
    brackets = "[" * 200_000
    (folder / "mail.md").write_text(f'{HEAD}{{% include "blocks/b.md" %}}\n')
    (folder / "blocks" / "b.md").write_text(brackets if place == "block" else "x")
    if place == "layout":
        (folder / "mail.md").write_text('---\nsubject: "x"\nlayout: own\n---\nx\n')
        (folder / "layouts" / "own.html").write_text(page(RULES, "{{ content }}" + "<p>x</p>" * 15_000))
    if place == "brand":
        (folder / "mail.md").write_text(f"{HEAD}{{{{ brand.imprint }}}}\n")
        (folder.parent / "brand.yaml").write_text("imprint: '" + "<" * 900_000 + "'\n")
    if place == "translation":
        (folder / "mail.de.md").write_text(HEAD + brackets)
    with pytest.raises(TemplateError, match=LIMIT):
        templates.load(folder, "mail")


def test_a_small_block_that_is_included_again_and_again_is_counted_each_time(folder: Path) -> None:
    (folder / "blocks" / "b.md").write_text("word " * 1000)
    (folder / "mail.md").write_text(HEAD + '{% include "blocks/b.md" %}\n\n' * 60)
    with pytest.raises(TemplateError, match="at most 256 KB, with all it includes"):
        templates.load(folder, "mail")


LETTER = "".join(
    f"## Heading {n}\n\nHello **you**, [a link](https://shop.example/{n}).\n\n- one\n- two\n\n" for n in range(90)
)


def test_a_long_letter_is_the_same_from_a_child_and_from_this_process(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "letter.md").write_text(HEAD + LETTER + "{{ contact.first_name }}")
    apart = templates.load(folder, "letter")
    monkeypatch.setattr(trial, "SMALL", 1 << 20)
    here = templates.load(folder, "letter")
    assert (apart.html_source, apart.text_source, apart.hash) == (here.html_source, here.text_source, here.hash)
    assert apart.tags() == here.tags()


def test_an_error_in_a_long_letter_keeps_its_place(folder: Path) -> None:
    (folder / "letter.md").write_text(HEAD + LETTER + '\n<form action="x">\n')
    with pytest.raises(TemplateError, match=r"templates/letter\.md: <form> does not work in mail"):
        templates.load(folder, "letter")


def _for_ever() -> None:
    while True:
        pass


def _cut_off(missing: int) -> str:
    """End the child that this runs in while it says what came out, with so many bytes missing."""

    def begin(writer: int, _: str) -> None:
        os.write(writer, pickle.dumps(([], "x" * 2_000))[:-missing])
        os._exit(0)

    setattr(trial, "open", begin)  # noqa: B010 - of the child alone
    return "x"


def _killed() -> None:
    faulthandler.disable()  # pytest's, whose trace of a death on purpose would look like one that is none
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (_for_ever, "takes more than 2 s of work"),
        (lambda: bytearray(1 << 30), "takes more than 512 MB of memory"),
        (lambda: bytes(40 << 20), "takes more than 512 MB of memory"),
        (_killed, "nested too deeply"),
        (lambda: os._exit(0), "takes more than 512 MB of memory"),
        (lambda: [][1], "cannot be put together: list index out of range"),
        (lambda: _cut_off(1), "takes more than 512 MB of memory"),
        (lambda: _cut_off(1_000), "takes more than 512 MB of memory"),
    ],
    ids=["time", "memory", "result", "crash", "silence", "error", "end", "half"],
)
def test_whatever_ends_a_child_is_told_in_words(work: Callable[[], object], words: str) -> None:
    with pytest.raises(TemplateError, match=f"^a.md: .*{words}"):
        trial.held(work, "a.md")


def test_a_child_leaves_nothing_behind() -> None:
    open_before, threads = set(os.listdir("/proc/self/fd")), threading.active_count()
    assert trial.held(lambda: {"a": 1}, "a.md") == {"a": 1}
    with pytest.raises(TemplateError):
        trial.held(_killed, "a.md")
    assert set(os.listdir("/proc/self/fd")) == open_before
    assert threading.active_count() == threads
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.parametrize(
    ("css", "round_"),
    [
        ("p:not(.z){" + "".join(f"a{number}:1;" for number in range(350)) + "}", "<p>x</p>" * 20),
        ("", "<b>" * 20),
        ("", "<a b='>' c=\"" * 9),
        ("", "<!-- " * 9),
    ],
    ids=["styles", "nested", "quotes", "comments"],
)
def test_what_only_a_loop_makes_too_large_is_refused_when_it_is_made(css: str, round_: str) -> None:
    rendered = page(css, round_ * 1001)

    def work() -> None:
        with pytest.raises(ValueError, match=r"could get|nested|not closed"):
            inline_css(rendered)

    taken, grown = _cost(work)
    assert taken < 2
    assert grown < 50_000


def test_mjml_that_only_a_loop_makes_too_large_is_refused_when_it_is_made() -> None:
    sections = "<mj-section><mj-column><mj-text>x</mj-text></mj-column></mj-section>" * 8_000
    with pytest.raises(ValueError, match="more than 4,000 components"):
        to_html(f"<mjml><mj-body>{sections}</mj-body></mjml>")
