"""`mailflow doctor`: what is printed where, in which format, and the exit codes."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mailflow.cli.frame import BROKEN_PIPE
from mailflow.cli.main import run


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Return a workspace with two contacts."""
    folder = tmp_path / "shop"
    assert run(["init", str(folder)]) == 0
    (folder / "contacts.csv").write_text("email,first name,tea\nann@a.example,Ann,mint\nbo@b.example,,\n")
    assert run(["import", str(folder / "contacts.csv"), "--workspace", str(folder)]) == 0
    capsys.readouterr()
    return folder


def test_a_sound_shop_exits_0_with_its_fields(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--workspace", str(shop)]) == 0
    printed = capsys.readouterr()
    assert "first_name" in printed.out
    assert "contacts.csv" in printed.out
    assert "template" in printed.out
    assert "nothing is wrong" in printed.err
    assert "journal mode" in printed.err
    assert max(map(len, printed.out.splitlines())) <= 80


def test_something_wrong_exits_1_and_says_how_to_mend_it(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "segments.yaml").write_text('near: contry == "DE"\n')
    assert run(["doctor", "--workspace", str(shop)]) == 1
    printed = capsys.readouterr()
    assert "segments.yaml:1:7" in printed.out
    assert "did you mean 'country'" in printed.out
    assert "→ Edit segments.yaml, line 1" in printed.out
    assert "1 thing is wrong" in printed.err


def test_json_is_an_object_of_findings_and_fields(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--workspace", str(shop), "--format", "json", "--quiet"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["database", "findings", "fields"]
    assert all(list(each) == ["severity", "area", "where", "message", "remedy"] for each in found["findings"])
    first_name = next(each for each in found["fields"] if each["field"] == "first_name")
    assert (first_name["filled"], first_name["contacts"], first_name["fill_rate"]) == (1, 2, 0.5)
    assert first_name["sources"][0]["import"] == 1
    assert {"kind": "template", "name": "thank_you"} in first_name["read_by"]


def test_csv_and_json_lines_hold_the_findings_or_the_fields(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--workspace", str(shop), "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert "attributes" in [row["where"] for row in rows if row["severity"] == "hint"]
    assert run(["doctor", "--data", "--workspace", str(shop), "--format", "csv"]) == 0
    fields = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["filled"] for row in fields if row["field"] == "attributes.tea"] == ["1"]
    assert run(["doctor", "--data", "--workspace", str(shop), "--format", "jsonl"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["field"] == "email"


def test_a_reader_that_leaves_early_is_no_failure(shop: Path) -> None:
    command = [sys.executable, "-m", "mailflow", "doctor", "--workspace", str(shop), "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()  # before anything is printed
        said = process.stderr.read()
    assert (process.returncode, said) == (BROKEN_PIPE, b"")
