"""A workspace on disk: found from below, opened when needed, held by one at a time."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from mail_shop import make_shop
from mailflow.errors import BusyError, UsageError
from mailflow.workspace import Workspace


def test_it_is_found_from_any_folder_below(tmp_path: Path) -> None:
    root = make_shop(tmp_path / "shop", people=0).root
    (root / "a" / "b").mkdir(parents=True)
    assert Workspace.find(root / "a" / "b").root == root
    assert Workspace.find(root).root == root


def test_the_nearest_one_wins(tmp_path: Path) -> None:
    outer = make_shop(tmp_path / "outer", people=0).root
    inner = make_shop(outer / "inner", people=0).root
    assert Workspace.find(inner / "templates").root == inner


def test_no_workspace_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="`mailflow init` makes a workspace here"):
        Workspace.find(tmp_path)
    with pytest.raises(UsageError, match=r"is not a workspace. `mailflow init .*` makes one"):
        Workspace.at(tmp_path)


def test_the_lock_is_one_processs_and_comes_back(tmp_path: Path) -> None:
    root = make_shop(tmp_path / "shop", people=0).root
    first, second = Workspace.at(root), Workspace.at(root)
    with first.lock(), pytest.raises(BusyError, match="another mailflow is importing or sending"), second.lock():
        pass
    with second.lock():
        pass


def test_the_private_folder_is_private(tmp_path: Path) -> None:
    (tmp_path / "mailflow.yaml").write_text("name: x\n", encoding="utf-8")
    private = Workspace.at(tmp_path).private
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
