"""YAML with its traps closed: what a person writes is what is meant, or is told with its place."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from mailflow.config.brand import Brand
from mailflow.config.yaml_files import parse_spec, parse_yaml, place_inside, read_yaml
from mailflow.errors import Problem, ProblemsError


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    colour: str = "red"
    size: int = 1


class Spec(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    inner: Inner | None = None
    many: dict[str, Inner] = {}
    flag: bool = False


def told(text: str) -> list[str]:
    """Return what is wrong with a text, as lines."""
    with pytest.raises(ProblemsError) as caught:
        parse_spec(Spec, parse_yaml(text, "f.yaml"))
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("y", "y"),
        ("10:30", "10:30"),
        ("1:02:03", "1:02:03"),
        ("2026-03-20", "2026-03-20"),
        ("2026-03-20 09:00 local", "2026-03-20 09:00 local"),
        ("0123", "0123"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("+49", "+49"),
        ("1e3", "1e3"),
        (".5", ".5"),
        (".inf", ".inf"),
        ("NaN", "NaN"),
        ("12", 12),
        ("-12", -12),
        ("12.50", 12.5),
        ("true", True),
        ("false", False),
        ("True", "True"),
        ("null", None),
        ("~", None),
        ("", None),
        ('"12"', "12"),
        ("'true'", "true"),
        ("99999999999999999999", "99999999999999999999"),
    ],
)
def test_a_plain_word_is_what_it_looks_like(text: str, value: Any) -> None:
    found = parse_yaml(f"key: {text}\n", "f.yaml").data["key"]
    assert found == value
    assert type(found) is type(value)


def test_a_key_keeps_its_word_too() -> None:
    assert parse_yaml("on: 1\nNO: 2\n1: 3\n", "f.yaml").data == {"on": 1, "NO": 2, "1": 3}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("name: a\nname: b\n", "f.yaml:2:1: the key 'name' occurs twice"),
        ("name: &x a\ninner: *x\n", "f.yaml:2:1: an alias (*name) is not read here: write the value out"),
        ("&x name: a\n*x : b\n", "f.yaml:1:1: a key is a plain word: no alias (*name), no tag"),
        ("name: !!python/object:os.system a\n", "f.yaml:1:7: the tag tag:yaml.org,2002:python/object:os.system is not"),
        ("name: !secret a\n", "f.yaml:1:7: the tag !secret is not read here"),
        ("name: {{ name }}\n", 'f.yaml:1:8: a key must be a word; text with {{ … }} needs quotes around it: "{{ name'),
        ("name: a\n\tinner: b\n", "f.yaml:2:1: is not YAML: a tab stands where only spaces may: indent with spaces"),
        ("name: a\ninner:\n\tsize: 1\n", "f.yaml:3:1: is not YAML: a tab stands where only spaces may"),
        ("name: [a\n", "f.yaml:2:1: is not YAML:"),
        ("name: 'a\n", "f.yaml:2:1: is not YAML:"),
        ("name: a: b\n", "f.yaml:1:8: is not YAML: mapping values are not allowed"),
        ("--- {name: a}\n--- {name: b}\n", "f.yaml:2:1: is not YAML: expected a single document"),
        ("name: a\nflag: \x00\n", "f.yaml:2:7: holds a character that is no text (U+0000): delete it"),
        ("- a\n- b\n", "f.yaml:1:1: must hold `key: value` lines"),
        ("just words\n", "f.yaml:1:1: must hold `key: value` lines"),
        ("", "f.yaml: the key 'name' is missing"),
        ("# nothing\n", "f.yaml: the key 'name' is missing"),
        ("nmae: a\n", "f.yaml:1:1: unknown key 'nmae' (did you mean 'name'?)"),
        ("name: a\ninner:\n  color: red\n", "f.yaml:3:3: unknown key 'color' (did you mean 'colour'?)"),
        ("name: a\nmany:\n  x: {siez: 1}\n", "f.yaml:3:7: unknown key 'siez' (did you mean 'size'?)"),
        ("name: a\ninner: {size: big}\n", "f.yaml:2:15: input should be a valid integer"),
        ("name: 12\n", 'f.yaml:1:7: must be text: put it in quotes, "12"'),
        ("name: true\n", 'f.yaml:1:7: must be text: put it in quotes, "true"'),
        ("name:\n", "f.yaml:1:6: is empty: write a value, or leave the line out"),
        ("name: [a, b]\n", "f.yaml:1:7: input should be a valid string (found ['a', 'b'])"),
    ],
)
def test_a_trap_is_told_with_its_place(text: str, wanted: str) -> None:
    assert any(line.startswith(wanted) for line in told(text)), told(text)


def test_all_problems_of_a_file_are_told_in_one_go() -> None:
    text = "nmae: a\ninner:\n  size: big\n  color: red\nflag: maybe\n"
    places = [line.split(": ")[0] for line in told(text)]
    assert places == ["f.yaml:1:1", "f.yaml:1:1", "f.yaml:3:9", "f.yaml:4:3", "f.yaml:5:7"]


def test_the_value_of_a_wrong_group_is_not_repeated() -> None:
    (line,) = told("name: a\ninner: smtp://me:secret@example.com\n")
    assert "secret" not in line


def test_deep_nesting_is_refused_and_not_a_crash() -> None:
    assert told("name: " + "[" * 5_000)
    assert told("name: " + "[" * 5_000 + "]" * 5_000)


def test_an_alias_bomb_costs_nothing() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    assert len(told("\n".join(lines))) <= 400


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_bytes(b"\xef\xbb\xbfname: caf\xc3\xa9\r\n")
    assert read_yaml(tmp_path / "f.yaml").data == {"name": "café"}


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"name: ok\nflag: caf\xe9\n", "f.yaml:2: is not UTF-8 text: save it as UTF-8"),
        ("name: a\n".encode("utf-16"), "f.yaml:1: is not UTF-8 text"),
        (b"name: a\n" + b"#" * (1 << 20), "f.yaml: has 1,048,584 bytes; at most 1,048,576 are read"),
    ],
)
def test_bytes_that_are_no_text_are_told(tmp_path: Path, content: bytes, wanted: str) -> None:
    (tmp_path / "f.yaml").write_bytes(content)
    with pytest.raises(ProblemsError, match=r"f\.yaml") as caught:
        read_yaml(tmp_path / "f.yaml")
    assert str(caught.value).startswith(wanted)


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(ProblemsError, match=r"folder\.yaml: is a folder"):
        read_yaml(tmp_path / "folder.yaml")
    with pytest.raises(ProblemsError, match=r"none\.yaml: there is no such file"):
        read_yaml(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "rule: one and two X three\n",
        'rule: "one and two X three"\n',
        "rule: 'one and two X three'\n",
        "rule: >\n  one and\n  two X\n  three\n",
        "rule: >-   # folded\n    one and two\n    X three\n",
        "rule: |\n  one and\n    two X three\n",
        "rule: one\n  and two\n  X three\n",
        "rule:\n  one and two X three\n",
        "rule: 'it''s one and two X three'\n",
        'rule: "a \\"b\\" one and two X three"\n',
        "other: X\nrule: one and two X three\n",
    ],
)
def test_a_place_inside_a_value_is_found_however_it_is_written(text: str) -> None:
    document = parse_yaml(text, "f.yaml")
    value = document.data["rule"]
    line, column = place_inside(text, document.values[("rule",)], value, value.index("X"))
    assert text.splitlines()[line - 1][column - 1] == "X"
    assert (text.splitlines()[line - 1], line) != ("other: X", 1)


def test_the_end_of_a_value_is_behind_its_last_sign() -> None:
    text = "rule: country ==\nname: x\n"
    value = "country =="
    assert place_inside(text, (1, 7), value, len(value)) == (1, 17)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: " + "[" * 100_000, "nested more than 20 levels deep"),
        ("a: " + "{b: " * 100_000, "nested more than 20 levels deep"),
        ("a:\n" + "- " * 100_000, "nested more than 20 levels deep"),
        ("a:\n" + "? " * 100_000, "nested more than 20 levels deep"),
        ("a: [" + "b," * 200_000 + "]", "has over 50,000 values"),
        ("".join(f"k{number}: 1\n" for number in range(60_000)), "has over 50,000 values"),
    ],
    ids=lambda value: value[:20],
)
def test_yaml_made_to_end_the_process_is_refused_before_it_is_built(text: str, words: str) -> None:
    begun = time.process_time()
    with pytest.raises(ProblemsError, match=words):
        parse_yaml(text, "brand.yaml")
    assert time.process_time() - begun < 2


def test_a_file_full_of_faults_tells_the_first_hundred() -> None:
    document = parse_yaml("".join(f"k{number}: 1\n" for number in range(10_000)), "brand.yaml")
    with pytest.raises(ProblemsError) as caught:
        parse_spec(Brand, document)
    assert len(caught.value.problems) == 101
    assert caught.value.problems[-1].message == "has 9,900 more problems: mend these first"


def test_a_problem_never_shows_a_whole_file() -> None:
    assert len(str(Problem("a.yaml", "x" * 100_000))) < 1100


def test_yes_and_no_are_asked_for_in_the_words_that_are_taken() -> None:
    assert told("name: a\nflag: perhaps\n") == ["f.yaml:2:7: must be true or false (found 'perhaps')"]
