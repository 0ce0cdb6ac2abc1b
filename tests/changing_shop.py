"""A shop in which anything may come at any time: files, consent, clicks, mail, merges, and what is taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from import_shop import ImportShop
from mailflow.config import Settings
from mailflow.model import Basis, ConsentState, ImportState, MessageState
from mailflow.scoring import lifecycle as stages
from mailflow.segments import Segments, keep
from mailflow.store import consents, events, marks, membership, merges, statements, undo
from mailflow.store.consents import ConsentEntry
from mailflow.store.events import Event
from mailflow.store.marks import Mark
from mailflow.store.statements import Statement
from people import add_message

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SETTINGS = Settings.model_validate(
    {
        "name": "Shop",
        "sender": {"name": "Shop", "email": "shop@example.com"},
        "timezone": "Europe/Vienna",
        "currency": "EUR",
        "fields": {"nick": {}, "size": {"type": "number"}},
    }
)
RULES = {
    "germans": 'country == "DE"',
    "named": 'nick == "bee" or size >= 2',
    "buyers": "orders.count >= 1",
    "lately": "orders.last_at >= now - 30d",
    "often": "bought(at_least=2, within=400d)",
    "dear": "orders.revenue >= 50",
    "dear_lines": "bought(where=price >= 10)",
    "tea": 'bought(category="tea")',
    "oolong": 'bought("Oolong")',
    "mostly_tea": 'favourite.category == "tea"',
    "viewed_tea": 'viewed(category="tea")',
    "viewed": "viewed(within=90d)",
    "viewed_mug": 'viewed("Mug")',
    "not_viewed": "not viewed()",
    "subscribed": 'consent.email == "subscribed"',
    "topics": 'topics contains "tea"',
    "mailed": "received(within=10d)",
    "unmailed": "orders.count >= 1 and not received()",
    "leads": 'lifecycle == "lead"',
    "loyal": 'lifecycle in ("loyal", "new")',
    "known_long": "created_at < now - 60d",
    "nested": 'segment("germans") and segment("buyers")',
    "everybody": "true",
}
HEADER = "order id,email,date,product,category,quantity,price,currency,status\n"
PEOPLE = [f"p{number}@example.com" for number in range(1, 9)]


class ChangingShop(ImportShop):
    """A shop whose people and orders come in files, and everything else by itself; `dice` decides what comes."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        super().__init__(folder)
        self.dice = Random(seed)
        self.taken: list[int] = []
        rules = "".join(f"{name}: {rule}\n" for name, rule in RULES.items())
        (folder / "segments.yaml").write_text(rules, encoding="utf-8")
        (folder / "rates.csv").write_text("date,from,to,rate\n2020-01-01,USD,EUR,0.5\n", encoding="utf-8")

    def refresh(self) -> keep.Changes:
        """Bring all members up to date as of one instant, so that nobody moves by the clock."""
        known = {**marks.now(self.db), Mark.FILES: "1"}
        stages.refresh(self.store, SETTINGS, marks=known, now=NOW)
        known = {**marks.now(self.db), Mark.FILES: "1"}
        return keep.refresh(self.store, self.segments(), marks=known, now=NOW)

    def segments(self) -> Segments:
        return Segments.open(self.folder, SETTINGS)

    def kept(self) -> dict[str, list[int]]:
        found = membership.kept(self.db)
        return {name: sorted(membership.present(self.db, found[name].id)) for name in RULES}

    def meant(self) -> dict[str, list[int]]:
        """Return whom the rules mean, everybody asked anew."""
        known = self.segments()
        return {name: list(known.members(self.store, known.named(name), now=NOW)) for name in RULES}

    def contact_ids(self) -> list[int]:
        return [row[0] for row in self.rows("SELECT id FROM contacts WHERE merged_into IS NULL")]

    def somebody(self) -> int:
        """Return a contact, who may be somebody else by now: an old link is still theirs."""
        return int(self.dice.choice(self.rows("SELECT id FROM contacts"))[0])

    def bring(self, content: str) -> None:
        result = self.take(content, name=f"{len(self.taken)}.csv")
        assert result.id is not None
        self.taken.append(result.id)

    # What may come, each from a file or from one row -----------------------------------------------------------

    def people_come(self) -> None:
        who = self.dice.sample(PEOPLE, 2)
        lines = [f"{each},{self.dice.choice(['DE', 'AT'])},{self.dice.choice(['bee', 'ant'])}" for each in who]
        self.bring("email,country,nick\n" + "\n".join(lines) + "\n")

    def orders_come(self) -> None:
        rows = []
        for _ in range(self.dice.randint(1, 2)):
            number, who = self.dice.randint(1, 12), self.dice.choice([*PEOPLE, ""])
            day = f"2026-{self.dice.randint(1, 11):02d}-{self.dice.randint(1, 20):02d}"
            product, category = self.dice.choice([("Oolong", "tea"), ("Mug", "mugs"), ("Cup", "")])
            status = self.dice.choice(["paid", "paid", "cancelled"])
            money = self.dice.choice(["EUR", "EUR", "EUR", "USD"])
            rows.append(f"{number},{who},{day},{product},{category},1,{self.dice.randint(1, 60)}.00,{money},{status}\n")
        self.bring(HEADER + "".join(rows))

    def views_come(self) -> None:
        visitor = self.dice.choice(["v1", "v2", "v3"])
        who = self.dice.choice([*PEOPLE, ""])
        self.bring(
            "event,visitor id,email,timestamp,product\n"
            f"product_viewed,{visitor},{who},2026-11-{self.dice.randint(1, 20)} 10:{self.dice.randint(10, 59)},"
            f"{self.dice.choice(['Oolong', 'Mug'])}\n"
        )

    def products_come(self) -> None:
        name, category = self.dice.choice([("Oolong", "tea"), ("Oolong", "gifts"), ("Mug", "tea"), ("Cup", "mugs")])
        self.bring(f"product id,title,category\n{name},{name},{category}\n")

    def somebody_speaks(self) -> None:
        who, said = self.dice.choice(self.contact_ids()), self.dice.choice(list(ConsentState)[:3])
        topic = self.dice.choice(["", "tea"])
        with self.store.transaction() as tx:
            entry = ConsentEntry(who, said, Basis.EXPRESS, None, NOW, NOW, "test", topic=topic, lifts=True)
            consents.append(tx, entry)

    def somebody_clicks(self) -> None:
        with self.store.transaction() as tx:
            number = tx.execute("SELECT count(*) FROM events").fetchone()[0]
            events.insert(
                tx, Event("product_viewed", "test", f"click-{number}", NOW, NOW, self.somebody(), {"title": "Mug"})
            )

    def somebody_answers(self) -> None:
        who, size = self.dice.choice(self.contact_ids()), self.dice.randint(1, 3)
        with self.store.transaction() as tx:
            statements.state(tx, Statement(who, "size", str(size), "", 0, "test"))
            statements.fill(tx, who, "size", size, at=0)

    def mail_goes_out(self) -> None:
        with self.store.transaction() as tx:
            state = self.dice.choice([MessageState.ACCEPTED, MessageState.ARMED, MessageState.FAILED])
            scope = f"campaign:{tx.execute('SELECT count(*) FROM messages').fetchone()[0]}"
            hour = timedelta(hours=1)
            add_message(tx, self.somebody(), "", now=NOW, state=state, settled=hour, armed=hour, scope=scope)

    def mail_arrives(self) -> None:
        with self.store.transaction() as tx:
            tx.execute("UPDATE messages SET state = 'accepted', settled_at = 1 WHERE state = 'armed'")

    def two_are_one(self) -> None:
        if len(self.contact_ids()) > 4:
            kept, merged = self.dice.sample(self.contact_ids(), 2)
            with self.store.transaction() as tx:
                merges.merge(tx, kept, merged, evidence="test", now=NOW)

    def two_are_two_again(self) -> None:
        rows = self.rows("SELECT id FROM merges WHERE undone_at IS NULL ORDER BY id DESC LIMIT 1")
        if rows:
            with self.store.transaction() as tx:
                merges.take_back(tx, rows[0][0], now=NOW)

    def a_file_goes_back(self) -> None:
        if len(self.taken) > 1:  # people themselves stay
            undo.take_back(self.store, self.taken.pop(), now=NOW, final=ImportState.UNDONE)


_SHOP = ChangingShop
STEPS: tuple[Callable[[ChangingShop], None], ...] = (
    _SHOP.people_come, _SHOP.orders_come, _SHOP.orders_come, _SHOP.views_come, _SHOP.products_come,
    _SHOP.somebody_speaks, _SHOP.somebody_clicks, _SHOP.somebody_answers, _SHOP.mail_goes_out, _SHOP.mail_arrives,
    _SHOP.two_are_one, _SHOP.two_are_two_again, _SHOP.a_file_goes_back,
)  # fmt: skip
