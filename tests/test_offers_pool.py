"""Files of codes: how they are read, what an edit of the file does, and that nothing outside the workspace is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailflow.errors import ProblemsError
from mailflow.jobs import offering
from mailflow.offers import pool
from mailflow.offers.offer import Offer
from mailflow.store import codes
from mailflow.store.codes import CodeKind
from mailflow.workspace import Workspace
from offer_shop import offer_shop


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return offer_shop(tmp_path / "shop", None, 1)


def offer(shop: Workspace, more: str = "", file: str = "codes.csv") -> Offer:
    (shop.root / "offers.yaml").write_text(f"comeback:\n  codes: {file}\n{more}", encoding="utf-8")
    return offering.offers(shop).get("comeback")


def free(shop: Workspace, text: str | bytes, more: str = "", file: str = "codes.csv") -> list[str]:
    """Return the free codes after reading a file of this text."""
    (shop.root / file).write_bytes(text.encode() if isinstance(text, str) else text)
    found = offer(shop, more, file)
    pool.refresh(shop.store, shop.root, found, at=0)
    known = codes.known(shop.store.db, "comeback")
    assert known is not None
    return [each.code for each in codes.free(shop.store.db, known, CodeKind.POOL, limit=100)]


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("A1\nB2\n\nC3", ""),
        ("A1\r\nB2\r\n  C3  \r\n", ""),
        ("\ufeffCode\nA1\nB2\nC3\n", ""),
        ("Discount Code,Times used\nA1,0\nB2,0\nC3,0\n", ""),
        ("id;Gutscheincode;Wert\n1;A1;5\n2;B2;5\n3;C3;5\n", ""),
        ("Name\tCode\nSpring\tA1\nSpring\tB2\nSpring\tC3\n", ""),
        ('"A1"\n"B2"\n"C3"\n', ""),
        ('"Name","Wert"\n"A1","5"\n"B2","5"\n"C3","5"\n', ""),
        ("number,batch\nA1,x\nB2,x\nC3,x\n", "  column: Number\n"),
        ("A1\nB2\na1\nC3\n", ""),
    ],
)
def test_a_list_and_a_table_are_read(text: str, more: str, shop: Workspace) -> None:
    assert free(shop, text, more) == ["A1", "B2", "C3"]


@pytest.mark.parametrize(
    ("text", "more", "says"),
    [
        ("A1\nB 2\nC3\n", "", "codes.csv:2: 'B 2' is no code"),
        ("A1\nSAMPLE-X\n", "", "codes.csv:2: 'SAMPLE-X' begins with SAMPLE-"),
        ("x,y\nA1,B1\n", "", "offers.yaml:2:10: which column of codes.csv has the codes? Say it as column: NAME"),
        (
            "Code,Batch\nA1,1\n",
            "  column: Cod\n",
            "offers.yaml:3:11: codes.csv has no column 'Cod'; its first line is: Code, Batch",
        ),
        (b"A1\n\xff\xfe\n", "", "codes.csv: is not UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_gives_nothing(
    text: str | bytes, more: str, says: str, shop: Workspace
) -> None:
    with pytest.raises(ProblemsError) as raised:
        free(shop, text, more)
    assert says in str(raised.value)
    assert shop.store.db.execute("SELECT count(*) FROM codes").fetchone()[0] == 0


@pytest.mark.parametrize("path", ["../outside.csv", "/etc/hostname", "link.csv"])
def test_a_path_that_leads_out_of_the_workspace_is_refused(path: str, shop: Workspace) -> None:
    outside = shop.root.parent / "outside.csv"
    outside.write_text("A1\n")
    (shop.root / "link.csv").symlink_to(outside)
    with pytest.raises(ProblemsError, match="leads out of the workspace"):
        pool.refresh(shop.store, shop.root, offer(shop, file=path), at=0)


def test_a_missing_file_is_told_with_a_near_name(shop: Workspace) -> None:
    (shop.root / "codes.csv").write_text("A1\n")
    with pytest.raises(ProblemsError, match=r"offers\.yaml:2:10: there is no file code\.csv"):
        pool.refresh(shop.store, shop.root, offer(shop, file="code.csv"), at=0)


def test_an_edited_file_adds_what_is_new_and_takes_free_ones_out_but_never_frees_what_was_given(
    shop: Workspace,
) -> None:
    assert free(shop, "A1\nB2\nC3\n") == ["A1", "B2", "C3"]
    with shop.store.transaction() as tx:
        contact = tx.execute("SELECT id FROM contacts").fetchone()[0]
        tx.execute(
            "INSERT INTO messages (id, scope, contact_id, channel, step, occurrence, variant, class, kind, rehearsal,"
            " address, state, due_at, not_after, next_at, token, planned_at)"
            " VALUES (1, 'campaign:x', ?, 'email', '', '', '', 'marketing', 'promo', 0, '', 'accepted',"
            " 0, 0, 0, 't', 0)",
            (contact,),
        )
        tx.execute("UPDATE codes SET message_id = 1, contact_id = ?, given_at = 1 WHERE code = 'A1'", (contact,))
    assert free(shop, "C3\nD4\n") == ["C3", "D4"]
    assert free(shop, "A1\nB2\nC3\n") == ["B2", "C3"]
    assert free(shop, "Code\na1\nb2\n") == ["B2"]


def test_reading_the_same_file_again_does_nothing(shop: Workspace) -> None:
    free(shop, "A1\n")
    assert pool.refresh(shop.store, shop.root, offer(shop), at=5) is None


def test_codes_of_another_offer_stay_there(shop: Workspace) -> None:
    assert free(shop, "A1\nB2\n") == ["A1", "B2"]
    (shop.root / "offers.yaml").write_text("comeback: {codes: codes.csv}\nother: {codes: other.csv}\n")
    (shop.root / "other.csv").write_text("b2\nC3\n")
    other = offering.offers(shop).get("other")
    reading = pool.refresh(shop.store, shop.root, other, at=0)
    assert reading is not None
    assert (reading.codes, reading.foreign) == (2, 1)
    known = codes.known(shop.store.db, "other")
    assert known is not None
    assert [each.code for each in codes.free(shop.store.db, known, CodeKind.POOL, limit=9)] == ["C3"]


def test_a_reading_that_was_cut_off_counts_for_nothing_and_is_taken_up(shop: Workspace) -> None:
    assert free(shop, "A1\nB2\n") == ["A1", "B2"]
    known = codes.known(shop.store.db, "comeback")
    assert known is not None
    with shop.store.transaction() as tx:  # as much as a first slice of the next reading writes
        codes.add(tx, known.id, CodeKind.POOL, ["A1", "X9"], reading=known.reading + 1, at=0)
    assert [each.code for each in codes.free(shop.store.db, known, CodeKind.POOL, limit=9)] == ["B2"]
    assert free(shop, "A1\nB2\nX9\n") == ["A1", "B2", "X9"]


def test_a_code_that_an_order_names_already_is_not_given(shop: Workspace) -> None:
    free(shop, "A1\nB2\n")
    with shop.store.transaction() as tx:
        tx.execute("INSERT INTO orders VALUES (1, 's', '1', NULL, 'paid', 0, 100, 'EUR', 0)")
        tx.execute("INSERT INTO order_codes VALUES (1, 'a1', 'A1')")
    known = codes.known(shop.store.db, "comeback")
    assert known is not None
    assert [each.code for each in codes.free(shop.store.db, known, CodeKind.POOL, limit=9)] == ["B2"]
    assert codes.count_free(shop.store.db, known, CodeKind.POOL) == 1
