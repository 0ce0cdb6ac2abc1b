"""What the rows of an orders file say about products, a block at a time. Cells that name several: items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal

from mailflow import money
from mailflow.importers.values.categories import categories_in
from mailflow.importers.values.cells import Sheet, identifier
from mailflow.importers.values.items import Item, read_items
from mailflow.importers.values.memo import Memo

_NAMES = ("product_id", "sku", "title")

Number = tuple[Decimal | None, float | int | None]  # as it is written, and as an order line keeps it
Names = tuple[str, str | None, str]  # product id, else SKU, else title, else ''; SKU; title
Line = tuple[str, str | None, str, float, int | None]  # names, quantity, price in minor units


@dataclass(frozen=True, slots=True)
class Product:
    """What a row says about a product: `product_id` is the shop's, else the SKU, else the title."""

    product_id: str
    sku: str | None
    title: str
    quantity: Decimal | None
    price: Decimal | None
    categories: tuple[str, ...] = ()


NO_PRODUCTS: tuple[Product, ...] = ()


@dataclass(frozen=True, slots=True)
class Goods:
    """The products of a block's rows, by columns in parallel. `items` are those of cells that name several."""

    names: list[Names]
    quantities: list[Number]
    prices: list[Number]
    categories: list[tuple[str, ...]] | None
    items: list[tuple[Product, ...]] | None

    def of(self, index: int) -> tuple[Product, ...]:
        """Return what a row names."""
        if self.items is not None and self.items[index]:
            return self.items[index]
        product_id, sku, title = self.names[index]
        quantity = self.quantities[index][0]
        if not product_id and quantity is None:
            return NO_PRODUCTS
        categories = self.categories[index] if self.categories is not None else ()
        return (Product(product_id, sku, title, quantity, self.prices[index][0], categories),)

    def priced_by(self, amounts: Sequence[int | None], currencies: Sequence[str]) -> Goods:
        """Return the goods of rows of which the file tells what each came to, in minor units, and no price of one."""
        rows = zip(amounts, self.quantities, currencies, strict=True)
        return replace(self, prices=[_number(price_of_one(amount, count[0]), code) for amount, count, code in rows])

    def lines(self) -> list[Line]:
        """Return every row as an order line keeps it."""
        return [
            (*names, 1.0 if quantity is None else quantity, price)  # type: ignore[misc]  # an int is a minor amount
            for names, (_, quantity), (_, price) in zip(self.names, self.quantities, self.prices, strict=True)
        ]


def price_of_one(amount: int | None, quantity: Decimal | None) -> int | None:
    """Return the price of one of so many that came to `amount`, in minor units like it.

    None where no whole price comes near, as of petrol counted in millilitres: rounded it would be off by a tenth.
    """
    count = Decimal(1) if quantity is None else quantity
    if amount is None or not count:
        return None
    price = (amount / count).to_integral_value(ROUND_HALF_UP)
    return int(price) if 10 * abs(price * count - amount) < abs(amount) or not amount else None


def _number(minor: int | None, currency: str) -> Number:
    return (None, None) if minor is None else (Decimal(minor).scaleb(-money.digits(currency)), minor)


def no_goods(size: int) -> Goods:
    """Return the goods of rows that name none."""
    return Goods([("", None, "")] * size, [(None, None)] * size, [(None, None)] * size, None, None)


def _named_by(ids: int, skus: int) -> Callable[[tuple[str, ...]], Names]:
    """Return what reads the cells of so many columns of ids, then of SKUs, then of titles."""

    def read(cells: tuple[str, ...]) -> Names:
        product_id, sku = _first(cells[:ids], identifier), _first(cells[ids : ids + skus], identifier)
        title = _first(cells[ids + skus :], str.strip)
        return product_id or sku or title or "", sku, title or sku or product_id or ""

    return read


def _quantity_in(currency: str, mark: str | None) -> Callable[[str], Number]:
    def read(cell: str) -> Number:
        if not cell.strip():
            return None, None
        number = money.parse_number(cell, currency, mark)
        return number, float(number)

    return read


def _price_in(currency: str, mark: str | None) -> Callable[[str], Number]:
    def read(cell: str) -> Number:
        if not cell.strip():
            return None, None
        number = money.parse_number(cell, currency, mark)
        return number, money.rounded(number, currency)

    return read


class GoodsReader:
    """Reads the products of one orders file. `currency` is that of amounts without one, `marks` the decimal marks."""

    def __init__(self, fields: set[str], currency: str, marks: dict[str, str | None]) -> None:
        self._currency = currency
        self._marks = marks
        self._has_items = "items" in fields
        self._has_categories = bool({"category", "categories"} & fields)
        self._items: Memo[str, list[Item]] = Memo(read_items)
        self._names: Memo[tuple[str, ...], Names] | None = None
        self._quantities = Memo(_quantity_in(currency, marks.get("quantity")))
        self._prices: dict[str, Memo[str, Number]] = {}

    def read(self, sheet: Sheet, currencies: Sequence[str]) -> Goods:
        """Return the products of a block whose amounts are in these currencies, row by row."""
        return Goods(
            self._names_of(sheet),
            self._quantities_of(sheet),
            self._prices_of(sheet, currencies),
            self._categories(sheet) if self._has_categories else None,
            self._items_of(sheet) if self._has_items else None,
        )

    def _names_of(self, sheet: Sheet) -> list[Names]:
        columns = [[cells for _, cells in sheet.every(name)] for name in _NAMES]
        if self._names is None:
            self._names = Memo(_named_by(len(columns[0]), len(columns[1])))
        cells = [column for some in columns for column in some]
        return list(map(self._names.__getitem__, zip(*cells, strict=True))) if cells else [("", None, "")] * sheet.size

    def _quantities_of(self, sheet: Sheet) -> list[Number]:
        cells = sheet.cells("quantity")
        if cells is None:
            return [(None, None)] * sheet.size
        return [number or (None, None) for number in sheet.convert("quantity", cells, self._quantities.__getitem__)]

    def _prices_of(self, sheet: Sheet, currencies: Sequence[str]) -> list[Number]:
        cells = sheet.cells("unit_price")
        if cells is None:
            return [(None, None)] * sheet.size
        if len(set(currencies)) <= 1:
            read = self._prices_in(currencies[0] if currencies else self._currency).__getitem__
            return [number or (None, None) for number in sheet.convert("unit_price", cells, read)]
        pairs = list(zip(cells, currencies, strict=True))
        found = sheet.convert("unit_price", pairs, lambda pair: self._prices_in(pair[1])[pair[0]])
        return [number or (None, None) for number in found]

    def _prices_in(self, currency: str) -> Memo[str, Number]:
        if currency not in self._prices:
            self._prices[currency] = Memo(_price_in(currency, self._marks.get("unit_price")))
        return self._prices[currency]

    def _categories(self, sheet: Sheet) -> list[tuple[str, ...]]:
        found: list[tuple[str, ...]] = [()] * sheet.size
        for name in ("category", "categories"):
            for _, cells in sheet.every(name):
                read = [categories_in(cell, commas=name == "categories") for cell in cells]
                found = [(*old, *new) for old, new in zip(found, read, strict=True)]
        return found

    def _items_of(self, sheet: Sheet) -> list[tuple[Product, ...]]:
        """Return the products of cells that name several. With such a cell a row's own quantity is that of all."""
        found: list[tuple[Product, ...]] = [NO_PRODUCTS] * sheet.size
        for _, cells in sheet.every("items"):
            read = sheet.convert("items", cells, lambda cell: tuple(map(self._item, self._items[cell])))
            found = [(*old, *(new or ())) for old, new in zip(found, read, strict=True)]
        return found

    def _item(self, item: Item) -> Product:
        quantity = money.parse_number(item.quantity, self._currency, ".") if item.quantity else None
        price = money.parse_number(item.price, self._currency, ".") if item.price else None
        if price is None and item.total:
            price = money.parse_number(item.total, self._currency, ".") / (quantity or 1)
        product_id = "" if item.product_id == "0" else identifier(item.product_id)
        sku, title = identifier(item.sku) or None, item.title or None
        return Product(product_id or sku or title or "", sku, title or sku or product_id or "", quantity, price)


def _first(cells: Sequence[str], read: Callable[[str], str]) -> str | None:
    return next((text for cell in cells if (text := read(cell))), None)
