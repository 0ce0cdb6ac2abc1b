"""Broken files of every kind: a sentence or a result, never a traceback, a partial import or a silent loss.

A failure prints its seed: `breakage.make(SEED)` is that file again.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

import breakage
from import_shop import ImportShop
from mailflow.errors import MailflowError, QuestionError
from mailflow.importers import Noun
from mailflow.importers.files import PIPELINES

IN_CI = 320
IN_SOAK = 10_000
TO_A_SHOP = 40  # files into one database, as the second file meets what the first brought


@pytest.mark.parametrize("first", range(0, IN_CI, TO_A_SHOP))
def test_no_broken_file_is_lost_or_half_imported(first: int, tmp_path: Path) -> None:
    try_files(range(first, first + TO_A_SHOP), tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("first", range(IN_CI, IN_CI + IN_SOAK, 500))
def test_ten_thousand_broken_files(first: int, tmp_path: Path) -> None:
    for start in range(first, first + 500, TO_A_SHOP):
        try_files(range(start, start + TO_A_SHOP), tmp_path / str(start))


def try_files(seeds: range, folder: Path) -> None:
    shop = ImportShop(folder / "shop")
    results = 0
    for seed in seeds:
        broken = breakage.make(seed)
        results += try_file(shop, seed, broken)
    shop.store.close()
    assert results > len(seeds) // 4, "hardly any file was read: the samples are too broken to show anything"


def try_file(shop: ImportShop, seed: int, broken: breakage.Broken) -> bool:
    """Import one file; return whether it could be used."""
    before = shop.fingerprint()
    told = f"seed {seed}: {broken.noun}, {', '.join(broken.steps)}"
    said = {"noun": broken.noun if seed % 3 else None, "date_format": "DD/MM/YYYY" if seed % 2 else None}
    result, refusal = None, None
    try:
        result = shop.take(broken.content, broken.name, **said)
    except MailflowError as error:
        refusal = error
    except Exception as error:
        raise AssertionError(f"{told}: {type(error).__name__}: {error}") from error
    assert shop.leftovers() == [], told
    if result is None:
        assert str(refusal).strip(), told
        assert shop.fingerprint() == before, f"{told}: something stays after {refusal}"
        return False
    has_titles = any("above the header" in warning for warning in result.warnings)
    if broken.records is not None and not has_titles:  # a header cut in two looks like a title and a header
        assert result.rows == broken.records, told
    assert (result.reject_file is not None) == (result.rejected > 0), told
    return True


def test_every_kind_of_file_is_broken() -> None:
    assert set(breakage.NOUNS) == set(Noun) == set(PIPELINES)


def test_a_seed_gives_the_same_file_again() -> None:
    assert breakage.make(7) == breakage.make(7)


def test_a_good_sample_of_each_kind_is_read(tmp_path: Path) -> None:
    shop = ImportShop(tmp_path / "shop")
    seen: set[Noun] = set()
    for seed in range(2_000):
        broken = breakage.make(seed)
        if broken.steps == ("utf-8",) and broken.noun not in seen:
            with suppress(QuestionError):  # about dates: 03/04/2026
                result = shop.take(broken.content, broken.name, noun=broken.noun)
                if result.inserted + result.updated:
                    seen.add(broken.noun)
    assert seen == set(Noun)
