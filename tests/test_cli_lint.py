"""`mailflow lint` at the terminal: what is printed where, exit codes, SARIF."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

import faulty_shop
from mail_shop import make_shop, write_campaign
from mailflow.cli.main import run
from mailflow.workspace import Workspace

AT = ("--now", "2026-03-20T09:00:00Z")
GOOD = "---\nsubject: Hello\npreheader: Something new is here, and it is rather nice.\n---\nHello there.\n"


def shop_with(root: Path, template: str) -> list[str]:
    make_shop(root, 3)
    (root / "templates" / "hello.md").write_text(template, encoding="utf-8")
    return ["lint", "hello", "--workspace", str(root), *AT]


def test_a_clean_workspace_is_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shop_with(tmp_path, GOOD)) == 0
    said = capsys.readouterr()
    assert "1 template, 3 messages: nothing is wrong" in said.err
    assert said.out == ""


def test_an_error_is_1_with_place_people_and_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = shop_with(tmp_path, GOOD + "\nHi {{ contact.first_name | default('') }},\n")
    assert run(words) == 1
    out = capsys.readouterr().out
    assert "templates/hello.md:7:" in out
    assert "3 of 3 people, such as p1@example.com" in out
    assert "[L105 gap]" in out


def test_warnings_fail_only_when_strict(tmp_path: Path) -> None:
    words = shop_with(tmp_path, GOOD + "\n[Tea](http://quitte.example/)\n")
    assert run(words) == 0
    assert run([*words, "--strict"]) == 1


def test_notes_of_one_kind_in_one_place_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = shop_with(tmp_path, GOOD.replace("preheader", "language: en\npreheader"))
    with Workspace.at(tmp_path).store.transaction() as tx:
        for number, language in enumerate(("de", "de", "fr"), start=1):
            tx.execute("UPDATE contacts SET language = ? WHERE id = ?", (language, number))
    assert run(words) == 0
    (note,) = " ".join(capsys.readouterr().out.split()).split("note ")[1:]
    assert "these people read de" in note
    assert "(2 of 3 people); 1 more such" in note


def test_a_broken_file_is_78(tmp_path: Path) -> None:
    words = shop_with(tmp_path, GOOD)
    write_campaign(tmp_path, "wrong", "audience: everyone\ntemplate: hello\nsned: now\n")
    assert run(words) == 78


def test_an_unknown_name_is_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_shop(tmp_path, 1)
    assert run(["lint", "helo", "--workspace", str(tmp_path)]) == 2
    assert "did you mean 'hello'" in capsys.readouterr().err


def test_rows_as_json_and_csv_are_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = shop_with(tmp_path, GOOD + "\n[Tea](http://quitte.example/)\n")
    run([*words, "--format", "json", "--quiet"])
    rows = json.loads(capsys.readouterr().out)
    assert [(row["code"], row["line"], row["column"], row["people"], row["of"]) for row in rows] == [
        ("L301", 7, 7, 3, 3)
    ]
    run([*words, "--format", "csv", "--quiet"])
    assert [row["code"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))] == ["L301"]


def test_everybody_concerned_is_listed_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = shop_with(tmp_path, GOOD + "\nHi {{ contact.first_name | default('you') }}.\n")
    with Workspace.at(tmp_path).store.transaction() as tx:
        tx.execute("UPDATE contacts SET first_name = 'Ada' WHERE id = 2")
    assert run([*words, "--people", "--format", "csv", "--quiet"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["email"], row["code"], row["line"]) for row in rows] == [
        ("p1@example.com", "L102", "7"),
        ("p3@example.com", "L102", "7"),
    ]
    assert run([*words, "--people"]) == 0
    assert "p3@example.com" in capsys.readouterr().out
    assert run([*words, "--people", "--format", "sarif"]) == 2


def test_sarif_has_the_shape_of_2_1_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faulty_shop.make(tmp_path)
    capsys.readouterr()
    run(["lint", "--workspace", str(tmp_path), "--format", "sarif", "--quiet", *AT])
    log = json.loads(capsys.readouterr().out)
    assert (log["version"], set(log)) == ("2.1.0", {"$schema", "version", "runs"})
    (only,) = log["runs"]
    rules = only["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert len(only["results"]) >= 40
    for result in only["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note"}
        assert result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert not place["artifactLocation"]["uri"].startswith("/")
        assert all(type(number) is int and number >= 1 for number in place.get("region", {}).values())
    place = next(each for each in only["results"] if each["ruleId"] == "L302")["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "templates/links.md"},
        "region": {"startLine": 7, "startColumn": 15},
    }


def test_sarif_writes_names_of_files_as_uris(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = make_shop(tmp_path)
    broken = shop.root / "campaigns" / "Grüße #1%.yaml"
    broken.write_text("name: [\n", encoding="utf-8")
    capsys.readouterr()
    run(["lint", "--workspace", str(tmp_path), "--format", "sarif", "--quiet", *AT])
    (only,) = json.loads(capsys.readouterr().out)["runs"]
    uris = {each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in only["results"]}
    assert "campaigns/Gr%C3%BC%C3%9Fe%20%231%25.yaml" in uris


def test_files_that_a_name_has_nothing_to_do_with_are_only_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = make_shop(tmp_path)
    for number in range(4):
        (shop.templates / f"draft{number}.md").write_text("---\nsubject: Hello\n---\n{{ }\n", encoding="utf-8")
    assert run(["lint", "hello", "--workspace", str(tmp_path), *AT]) == 0
    told = capsys.readouterr()
    assert "draft" not in told.out
    named = ", ".join(f"templates/draft{number}.md" for number in range(3))
    assert f"4 other files are broken too ({named}, …): `mailflow lint` says what is wrong" in " ".join(
        told.err.split()
    )
