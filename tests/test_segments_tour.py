"""docs/tour.md: each question finds whom hand-written SQL (tour_sql) finds, and as many as the page says."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mailflow.cli.main import run
from mailflow.workspace import Workspace
from tour_sql import QUESTIONS

PAGE = (Path(__file__).parents[1] / "docs" / "tour.md").read_text(encoding="utf-8")
NOW = "2026-11-22T12:00:00Z"
_TABLE = re.compile(r"<!-- tour: ([^\n]+) -->\n((?:\|[^\n]*\n)+)")
_ROW = re.compile(r"^\| (\d+)\. [^|]+ \| `([^`]+)` \| ([\d,]+) \|$", re.MULTILINE)
_FILE = re.compile(r"<!-- file: (\S+) -->\n```csv\n(.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Stop:
    """One question of the tour: of which shop and day, its rule, and how many people the page says it finds."""

    tour: str
    number: int
    rule: str
    people: int

    @property
    def options(self) -> list[str]:
        _, comma, day = self.tour.partition(", ")
        return ["--as-of", day] if comma else []


def _stops() -> Iterator[Stop]:
    for tour, table in _TABLE.findall(PAGE):
        for number, rule, people in _ROW.findall(table):
            yield Stop(tour, int(number), rule, int(people.replace(",", "")))


STOPS = list(_stops())


def _named(shop: str) -> pytest.MarkDecorator:
    chosen = [stop for stop in STOPS if stop.tour.startswith(shop)]
    return pytest.mark.parametrize("stop", chosen, ids=lambda stop: f"{stop.number}")


def _typed(root: Path, *words: str) -> None:
    assert run([*words, "--workspace", str(root), "--now", NOW, "--quiet"]) == 0, words


@pytest.fixture(scope="module")
def tea_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tea") / "tour"
    assert run(["demo", str(root), "--now", NOW, "--quiet"]) == 0
    files = []
    for name, text in _FILE.findall(PAGE):
        files.append(root / name)
        files[-1].write_text(text, encoding="utf-8")
    _typed(root, "import", *map(str, files))
    return root


@pytest.fixture(scope="module")
def groceries(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    root = tmp_path_factory.mktemp("groceries") / "shop"
    assert run(["init", str(root), "--quiet"]) == 0
    settings = (root / "mailflow.yaml").read_text(encoding="utf-8")
    settings = re.sub("^currency:.*", "currency: USD", settings, flags=re.MULTILINE)
    settings = re.sub("^timezone:.*", "timezone: America/New_York", settings, flags=re.MULTILINE)
    (root / "mailflow.yaml").write_text(settings, encoding="utf-8")
    folder = shared_data / "orders" / "completejourney"
    for packed in (folder / "products.csv.gz", folder / "transactions_sample.csv.gz"):
        with gzip.open(packed) as source, (root / packed.stem).open("wb") as target:
            shutil.copyfileobj(source, target)
    _typed(root, "import", str(root / "products.csv"), str(root / "transactions_sample.csv"))
    _typed(root, "import", str(folder / "demographics.csv"), "--as", "contacts")
    return root


def _asked(root: Path, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    code = run(["segment", *words, "--workspace", str(root), "--now", NOW, "--format", "json", "--quiet"])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    return json.loads(printed.out)


def _holds(root: Path, stop: Stop, capsys: pytest.CaptureFixture[str]) -> None:
    members = _asked(root, capsys, "--rule", stop.rule, *stop.options)
    with Workspace.at(root).store.snapshot() as db:
        by_hand = [row[0] for row in db.execute(QUESTIONS[stop.tour][stop.number])]
        keys = dict(db.execute("SELECT key, id FROM contacts").fetchall())
    assert by_hand, "it finds nobody: it shows nothing"
    assert sorted(keys[person["contact"]] for person in members) == by_hand
    assert len(members) == stop.people


def test_every_question_of_the_page_has_its_sql() -> None:
    assert {(stop.tour, stop.number) for stop in STOPS} == {
        (tour, number) for tour, questions in QUESTIONS.items() for number in questions
    }


@_named("tea shop")
def test_a_question_to_the_tea_shop_finds_whom_sql_finds(
    tea_shop: Path, stop: Stop, capsys: pytest.CaptureFixture[str]
) -> None:
    _holds(tea_shop, stop, capsys)


@_named("groceries")
def test_a_question_about_a_year_of_groceries_finds_whom_sql_finds(
    groceries: Path, stop: Stop, capsys: pytest.CaptureFixture[str]
) -> None:
    _holds(groceries, stop, capsys)


def test_the_explanation_of_the_page_says_which_part_decides(
    tea_shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = re.search(r"segment --rule '([^']+)' --explain (\S+)", PAGE)
    assert typed is not None
    found = _asked(tea_shop, capsys, "--rule", typed[1], "--explain", typed[2])
    assert found["member"] is True
    assert [part["value"] for part in found["tree"]["parts"]] == ["1984-11-22", "AT"]
