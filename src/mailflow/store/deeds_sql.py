"""What people did, as SQL: the sets of contacts that `bought(…)`, `clicked(…)`, `did(…)` mean. Fields: rules_sql.

Each set is asked for once, not once a contact: SQLite keeps what a subquery gives that knows nothing of its outer row.
"""

from __future__ import annotations

from collections.abc import Callable

from mailflow.rules.resolve import Done, Each, Either, Opposite, Resolved, Test, TestAny
from mailflow.rules.types import Always, CompareFields, Deed, Field, FieldType, Known, Like
from mailflow.store import json_sql

Bind = Callable[[str | int | float | bool], str]
Places = Callable[[str], tuple[str, ...]]  # binds the JSON paths of a name
Converted = Callable[[str, str], str]  # an amount and its currency → the amount in the account's
_Source = tuple[str, str, str]  # whose a row is, the rows, how many deeds they are

_LINE = {
    "title": "l.title",
    "sku": "(SELECT p.sku FROM products AS p WHERE p.id = l.product_id)",
    "quantity": "l.quantity",
    "currency": "o.currency",
    "order_id": "o.order_id",
}
_AMOUNTS = {"price": "l.price_minor", "total": "o.total_minor"}
_OF_ORDERS = ("currency", "order_id", "total")  # what `where=` asks of an order and not of a line
_ORDERS = "orders AS o"
_COUNT, _QUANTITY, _AMOUNT = "count", "quantity", "amount"  # what `totals` adds up beside properties
_COUNTED = "o.status IN ('open', 'paid')"
_NAMES = "j.key IN ('product_id', 'sku', 'product', 'title')"
_CATEGORIES = "(j.key IN ('category', 'categories') OR j.path GLOB '*.categories')"


class Deeds:
    """The SQL of one `Done`. `bind` makes a parameter of a value, `where` SQL of the rule about properties."""

    def __init__(self, done: Done, bind: Bind, *, merges: bool) -> None:
        self.done = done
        self.bind = bind
        self.merges = merges

    def people(self, where: str | None) -> str:
        """Return a query for the contacts who did it often enough.

        Whose contact is somebody else's now is looked up once a contact, not once a deed.
        """
        match self.done.deed:
            case Deed.ORDER if where is None and self.done.product is None and self.done.category is None:
                return self._ordered()
            case Deed.ORDER:
                return self._often([self._orders(where)])
            case Deed.EVENT if self.done.poll is not None:
                return self._answered(self.done.poll)
            case Deed.EVENT:
                return self._often([("e.contact_id", self._events(where), "count(*)")])
            case Deed.MAIL:
                return self._often([self._messages(), self._delivered()])

    def totals(self, what: str, where: str | None, *, places: Places, converted: Converted) -> str:
        """Return a query for (who, total, several): what people's deeds add up to, amounts in minor units.

        `what` is count, of orders also quantity and amount, of events a property. `several`: amounts of events are in
        more than one currency.
        """
        if self.done.deed is Deed.ORDER:
            contact, rows, total = self._sum_of_orders(what, where, converted)
            several = "0"
        else:
            contact, rows = "e.contact_id", self._events(where)
            own = json_sql.value("e.properties", places(what), FieldType.NUMBER)
            total = "count(*)" if what == _COUNT else f"sum({own})"
            said = "upper(e.properties ->> '$.currency')"
            several = "0" if what == _COUNT else f"max(coalesce({said}, :account) <> :account)"
        person = self._person(contact)
        return f"SELECT {person} AS who, {total} AS total, {several} AS several FROM {rows} GROUP BY 1"

    def _sum_of_orders(self, what: str, where: str | None, converted: Converted) -> _Source:
        """Return orders or their lines with what they add up to; what was paid back in full counts nothing."""
        contact, rows, count = self._orders(where)
        if what == _COUNT:
            return contact, rows, count
        back = "coalesce((SELECT sum(r.amount_minor) FROM refunds AS r WHERE r.order_id = o.id), 0)"
        if what == _AMOUNT and self._lines() == _ORDERS:
            return contact, rows, f"sum({converted(f'(o.total_minor - {back})', 'o.currency')})"
        tables = self._lines()
        if tables == _ORDERS:
            rows = f"{_ORDERS} JOIN order_lines AS l ON l.order_id = o.id{rows.removeprefix(_ORDERS)}"
        rows = f"{rows} AND ({back} = 0 OR {back} < o.total_minor)"
        amount = converted("CAST(round(l.quantity * l.price_minor) AS INTEGER)", "o.currency")
        return contact, rows, "sum(l.quantity)" if what == _QUANTITY else f"sum({amount})"

    def column(self, field: Field, *, places: Places, converted: Converted) -> str:
        """Return the SQL for what `where=` asks about: a property of an event `e`, or a field of a line `l` of `o`."""
        if self.done.deed is not Deed.ORDER:
            return json_sql.value("e.properties", places(field.name), field.type)
        if field.name in _AMOUNTS:
            return converted(_AMOUNTS[field.name], "o.currency")
        return _LINE[field.name]

    def _ordered(self) -> str:
        """Return who ordered, of whatever: from the kept facts, which are of whole people, as far as they tell it.

        Only who ordered before the window too, or after it, has orders to be counted.
        """
        least, until = self.bind(self.done.at_least), self.bind(self.done.until)
        tests = [f"f.order_count >= {least}", f"f.first_order_at < {until}"]
        told = [f"f.last_order_at < {until}"]
        if self.done.since is not None:
            since = self.bind(self.done.since)
            tests.append(f"f.last_order_at >= {since}")
            told.append(f"f.first_order_at >= {since}")
        # Of one order the first or the last one tells; of several, that all are in the window.
        known = f" {'OR' if self.done.at_least == 1 else 'AND'} ".join(told)
        tests.append(f"({known} OR ({self._ordered_by('f.contact_id')}) >= {least})")
        return f"SELECT f.contact_id FROM contact_facts AS f WHERE {' AND '.join(tests)}"

    def _ordered_by(self, person: str) -> str:
        """Return how often a person ordered in the window, with everybody who was merged into them."""
        whose = f"o.contact_id = {person}"
        if self.merges:
            merged = f"SELECT w.id FROM contacts AS w WHERE w.merged_into = {person}"
            whose = f"o.contact_id IN (SELECT {person} UNION ALL {merged})"
        return f"SELECT count(*) FROM orders AS o WHERE {' AND '.join([whose, _COUNTED, *self._window('o.placed_at')])}"

    def _orders(self, where: str | None) -> _Source:
        tests = [_COUNTED, "o.contact_id IS NOT NULL", *self._window("o.placed_at")]
        tests += [f"l.product_id IN ({products})" for products in self._products()]
        tests += [where] if where is not None else []
        tables = self._lines()
        rows = f"{tables} WHERE {' AND '.join(tests)}"
        return "o.contact_id", rows, "count(*)" if tables == _ORDERS else "count(DISTINCT o.id)"

    def _lines(self) -> str:
        """Return orders with what is asked of their lines; one without lines is a row in which they are missing."""
        asked = self.done.where
        if self.done.product is None and self.done.category is None:
            if asked is None or not _asks_lines(asked):
                return _ORDERS
            if not _needs_line(asked):
                return f"{_ORDERS} NOT INDEXED LEFT JOIN order_lines AS l ON l.order_id = o.id"  # both by number
            if self.done.since is None:  # it costs less to read all lines than to find those of all orders
                return f"order_lines AS l CROSS JOIN {_ORDERS} ON o.id = l.order_id"
        return f"{_ORDERS} JOIN order_lines AS l ON l.order_id = o.id"

    def _events(self, where: str | None) -> str:
        done = self.done
        names = ", ".join(self.bind(name) for name in done.names)
        tests = [f"e.name IN ({names})", "e.contact_id IS NOT NULL", *self._window("e.occurred_at")]
        if done.people_only:
            tests.append("coalesce(json_extract(e.properties, '$.machine'), 0) = 0")
        if done.campaign is not None:
            tests.append(
                "json_type(e.properties, '$.campaign') = 'text'"
                f" AND json_extract(e.properties, '$.campaign') = {self.bind(done.campaign)} COLLATE NOCASE"
            )
        if done.product is not None:
            tests.append(self._names(_NAMES, f"SELECT {self.bind(done.product)} UNION {self._called(self._wanted())}"))
        if done.category is not None:
            category = self.bind(done.category)
            named = self._names(_CATEGORIES, f"SELECT {category}")
            tests.append(f"({named} OR {self._names(_NAMES, self._called(self._in_category()))})")
        tests += [where] if where is not None else []
        return f"events AS e WHERE {' AND '.join(tests)}"

    def _answered(self, poll: str) -> str:
        """Return whose last answer to a poll before the end of the window it is; of two at once, the later row."""
        person, names = self._person("e.contact_id"), ", ".join(self.bind(name) for name in self.done.names)
        tests = [
            f"e.name IN ({names})",
            "e.contact_id IS NOT NULL",
            f"e.occurred_at < {self.bind(self.done.until)}",
            self._is_key("poll", poll),
        ]
        answer = "TRUE" if self.done.answer is None else self._is_key("answer", self.done.answer)
        rows = (
            f"SELECT {person} AS who, e.occurred_at AS at, e.properties ->> '$.answer' AS answer, {answer} AS fits,"
            f" row_number() OVER (PARTITION BY {person} ORDER BY e.occurred_at DESC, e.id DESC) AS place"
            f" FROM events AS e WHERE {' AND '.join(tests)}"
        )
        since = [f"a.at >= {self.bind(self.done.since)}"] if self.done.since is not None else []
        wanted = " AND ".join(["a.place = 1", "a.answer IS NOT NULL", "a.fits", *since])
        return f"SELECT a.who FROM ({rows}) AS a WHERE {wanted}"

    def _is_key(self, name: str, wanted: str) -> str:
        """Return whether a property is a name or a key; files of other tools may have written it as a number."""
        return (
            f"(json_type(e.properties, '$.{name}') IN ('text', 'integer')"
            f" AND CAST(e.properties ->> '$.{name}' AS TEXT) = {self.bind(wanted)} COLLATE NOCASE)"
        )

    def _names(self, keys: str, wanted: str) -> str:
        """Return whether an event's properties, at any depth, name something of a set."""
        return (
            f"EXISTS (SELECT 1 FROM json_tree(e.properties) AS j WHERE {keys}"
            f" AND j.type IN ('text', 'integer', 'real') AND CAST(j.atom AS TEXT) COLLATE NOCASE IN ({wanted}))"
        )

    def _products(self) -> list[str]:
        """Return the queries for the products that a line must be of."""
        found = []
        if self.done.product is not None:
            found.append(self._wanted())
        if self.done.category is not None:
            found.append(self._in_category())
        return found

    def _wanted(self) -> str:
        """Return the products that are called so, with their variants."""
        name = self.bind(self.done.product or "")
        called = (
            f"p.product_id = {name} COLLATE NOCASE OR p.sku = {name} COLLATE NOCASE OR p.title = {name} COLLATE NOCASE"
        )
        return (
            f"SELECT p.id FROM products AS p WHERE {called} UNION SELECT v.id FROM products AS v"
            f" JOIN products AS p ON p.id = v.parent_id WHERE {called}"
        )

    def _in_category(self) -> str:
        """Return the products of a category; a variant is in those of its parent."""
        category = self.bind(self.done.category or "")
        return (
            f"SELECT k.product_id FROM product_categories AS k WHERE k.category = {category} COLLATE NOCASE"
            f" UNION SELECT v.id FROM products AS v JOIN product_categories AS k ON k.product_id = v.parent_id"
            f" WHERE k.category = {category} COLLATE NOCASE"
        )

    def _called(self, products: str) -> str:
        """Return every id, SKU and title of some products."""
        return " UNION ".join(
            f"SELECT n.{column} FROM products AS n WHERE n.id IN ({products})"
            for column in ("product_id", "sku", "title")
        )

    def _messages(self) -> _Source:
        # Tests that the owner sent to themselves are no mail that somebody received. Nearly all messages are of
        # campaigns and flows: the plus keeps SQLite from the index of scopes, which takes three times as long.
        tests = ["m.state = 'accepted'", "NOT m.rehearsal", "(+m.scope GLOB 'campaign:*' OR +m.scope GLOB 'flow:*')"]
        tests += self._window("m.settled_at")
        if self.done.campaign is not None:
            name = self.bind(self.done.campaign)
            tests.append(f"m.scope COLLATE NOCASE IN ('campaign:' || {name}, 'flow:' || {name})")
        return "m.contact_id", f"messages AS m WHERE {' AND '.join(tests)}", "count(*)"

    def _delivered(self) -> _Source:
        """Return who got mail of an old tool: its events say where they are from, ours are messages."""
        old = "json_extract(e.properties, '$.origin') IS NOT NULL"
        return "e.contact_id", self._events(old), "count(*)"

    def _often(self, sources: list[_Source]) -> str:
        if self.done.at_least == 1:
            return " UNION ALL ".join(f"SELECT {self._person(contact)} FROM {rows}" for contact, rows, _ in sources)
        least = self.bind(self.done.at_least)
        if not self.merges and len(sources) == 1:
            ((contact, rows, count),) = sources
            return f"SELECT {contact} FROM {rows} GROUP BY 1 HAVING {count} >= {least}"
        counted = " UNION ALL ".join(
            f"SELECT {contact} AS who, {count} AS n FROM {rows} GROUP BY 1" for contact, rows, count in sources
        )
        return f"SELECT {self._person('d.who')} FROM ({counted}) AS d GROUP BY 1 HAVING sum(d.n) >= {least}"

    def _window(self, at: str) -> list[str]:
        since = [f"{at} >= {self.bind(self.done.since)}"] if self.done.since is not None else []
        return [*since, f"{at} < {self.bind(self.done.until)}"]

    def _person(self, contact: str) -> str:
        """Return who a row's contact is now: rows stay with a contact that was merged into another."""
        if not self.merges:
            return contact
        merged = f"{contact} IN (SELECT w.id FROM contacts AS w WHERE w.merged_into IS NOT NULL)"
        return f"iif({merged}, (SELECT w.merged_into FROM contacts AS w WHERE w.id = {contact}), {contact})"


def _asks_lines(condition: Resolved) -> bool:
    """Say whether a `where=` asks anything of an order's lines."""
    match condition:
        case Opposite(part):
            return _asks_lines(part)
        case Each(parts) | Either(parts):
            return any(_asks_lines(part) for part in parts)
        case Always():
            return False
        case CompareFields(left, _, right):
            return left.name not in _OF_ORDERS or right.name not in _OF_ORDERS
        case Test(field) | TestAny(field) | Known(field) | Like(field):
            return field.name not in _OF_ORDERS
        case _:
            return True


def _needs_line(condition: Resolved) -> bool:
    """Say whether a `where=` is never true of an order without lines, as what is missing makes a test false."""
    match condition:
        case Each(parts):
            return any(_needs_line(part) for part in parts)
        case Either(parts):
            return all(_needs_line(part) for part in parts)
        case Opposite() | Always():
            return False
        case _:
            return _asks_lines(condition)
