"""Read the rows of a file of products: what can be bought, its variants, prices and categories.

What becomes of them: product_pipeline, store.products_bulk. The words of headers: words_shop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mailflow import money
from mailflow.importers.recognition.recognise import Recognised
from mailflow.importers.values.categories import categories_in
from mailflow.importers.values.cells import Sheet, identifier, identifiers, to_json
from mailflow.importers.wording.words import fold

_NO_KEY = "there is no id, SKU or title in this row"
_HIDDEN = frozenset(
    map(
        fold,
        """hidden inactive draft archived unpublished unlisted disabled deleted discontinued no n false 0 off nein
        non ei nej private pending retired not_visible_individually inaktiv
        ausgeblendet versteckt oculto masque nascosto""".split(),
    )
)
_NO_OPTION = frozenset(map(fold, ["Default Title", "Default", "Regular", "-"]))
_FIRST_OF_MANY = re.compile(r"\s*[,;|\n]\s*(?=https?:)|\s+(?=https?:)")
_OF = " / "  # between the options of a variant, as order lines write them


@dataclass(frozen=True, slots=True)
class Keys:
    """Who a row is about: a product, and the variant of it where the row is about one."""

    product_id: str
    sku: str | None
    title: str | None
    variant_id: str | None
    variant_title: str | None


class ProductRows:
    """Reads blocks of one file of products."""

    def __init__(self, recognised: Recognised, currency: str, mark: str | None) -> None:
        self._recognised = recognised
        self._currency = currency
        self._mark = mark
        has = set(recognised.columns)
        self._has_categories = bool({"category", "categories"} & has)
        self._has_variants = bool({"variant_id", "variant_title", "option"} & has)
        self._last: Keys | None = None
        self._shared: tuple[str | None, str | None, str | None] = (None, None, None)  # product, vendor, categories

    def read(self, sheet: Sheet) -> Iterator[tuple[Any, ...]]:
        """Yield what the sound rows of a block say, as tuples for store.products_bulk; a variant with its product."""
        who = self._keys(sheet)
        prices, currencies = self._prices(sheet)
        shared = zip(
            sheet.texts("vendor"), sheet.texts("url"), sheet.first_of("image_url", _first_url),
            self._statuses(sheet), self._attributes(sheet), self._categories(sheet), strict=True,
        )  # fmt: skip
        parents = [identifier(cell) or None for cell in sheet.cells("parent_id") or [""] * sheet.size]
        stocks = sheet.read("stock", _stock)
        faulty = sheet.faulty
        for index, (vendor, url, image, status, attributes, categories) in enumerate(shared):
            keys = who[index]
            if keys is None or index in faulty:
                continue
            line, price = sheet.block.lines[index], prices[index]
            currency = currencies[index] if price is not None else None
            offer = (price, currency, url, image, stocks[index], status)
            if keys.variant_id is None:
                yield (
                    line,
                    parents[index],
                    keys.product_id,
                    keys.sku,
                    keys.title,
                    vendor,
                    *offer,
                    attributes,
                    categories,
                )
                continue
            said = (None, None, url, image, None, status)
            yield (line, None, keys.product_id, None, keys.title, vendor, *said, attributes, categories)
            vendor, categories = self._share(keys.product_id, vendor, categories)
            title = keys.variant_title
            yield (line, keys.product_id, keys.variant_id, keys.sku, title, vendor, *offer, None, categories)

    def _keys(self, sheet: Sheet) -> list[Keys | None]:
        cells = sheet.cells("product_id")
        ids = [""] * sheet.size if cells is None else identifiers(cells)
        skus = sheet.first_of("sku", lambda cell: identifier(cell) or None)
        titles = sheet.texts("title")
        variants = sheet.first_of("variant_id", lambda cell: identifier(cell) or None)
        options = self._options(sheet)
        found: list[Keys | None] = []
        for index, (own, sku, title) in enumerate(zip(ids, skus, titles, strict=True)):
            if not own and variants[index] and not title and self._last:  # the next variant of the product above
                own = self._last.product_id
            product_id = own or ((title or sku) if variants[index] else (sku or title))
            if product_id is None:
                sheet.fault(index, "product_id", _NO_KEY)
                found.append(None)
                continue
            before = self._last if own and self._last and self._last.product_id == own else None
            title = title or (before.title if before else None)
            variant, called = self._variant(product_id, sku, title, variants[index], options[index])
            self._last = Keys(product_id, sku, title, variant, called)
            found.append(self._last)
        return found

    def _variant(
        self, product_id: str, sku: str | None, title: str | None, variant_id: str | None, options: Sequence[str]
    ) -> tuple[str | None, str | None]:
        """Return the id and title of the variant that a row is about; None where it is about the product itself."""
        if not self._has_variants or not options:
            return None, None
        called = _OF.join(options)
        return variant_id or sku or f"{product_id} - {called}", f"{title} - {called}" if title else called

    def _share(self, product_id: str, vendor: str | None, categories: str | None) -> tuple[str | None, str | None]:
        """Return vendor and categories of a variant: only the first row of a product names what all of them share."""
        known, its_vendor, its_categories = self._shared
        if known != product_id:
            self._shared = (product_id, vendor, categories)
            return vendor, categories
        return vendor or its_vendor, categories or its_categories

    def _options(self, sheet: Sheet) -> list[list[str]]:
        columns = [cells for name in ("variant_title", "option") for _, cells in sheet.every(name)]
        if not columns:
            return [[] for _ in range(sheet.size)]
        return [
            [text for cell in cells if (text := cell.strip()) and fold(text) not in _NO_OPTION]
            for cells in zip(*columns, strict=True)
        ]

    def _prices(self, sheet: Sheet) -> tuple[list[int | None], list[str]]:
        currencies = [code or self._currency for code in sheet.read("currency", _currency)]
        cells = sheet.cells("price")
        if cells is None:
            return [None] * sheet.size, currencies
        pairs = list(zip(cells, currencies, strict=True))
        return sheet.convert("price", pairs, lambda pair: self._price(*pair)), currencies

    def _price(self, cell: str, currency: str) -> int | None:
        if not any(char.isdigit() for char in cell):  # `variable`, `-`
            return None
        return money.rounded(money.parse_number(cell, currency, self._mark), currency)

    def _statuses(self, sheet: Sheet) -> list[str | None]:
        """Return `hidden` where any column says so, else `active`; None where they are blank."""
        found: list[str | None] = [None] * sheet.size
        for _, cells in sheet.every("status"):
            read = [_status(cell) for cell in cells]
            found = ["hidden" if "hidden" in (old, new) else old or new for old, new in zip(found, read, strict=True)]
        return found

    def _categories(self, sheet: Sheet) -> list[str | None]:
        """Return the categories of each row as a JSON list in order; None where a row says nothing of them."""
        if not self._has_categories:
            return [None] * sheet.size
        found: list[set[str]] = [set() for _ in range(sheet.size)]
        for name in ("category", "categories"):
            for _, cells in sheet.every(name):
                for names, cell in zip(found, cells, strict=True):
                    names.update(categories_in(cell, commas=name == "categories"))
        return [to_json(sorted(names)) if names else None for names in found]

    def _attributes(self, sheet: Sheet) -> list[str | None]:
        places = sorted(self._recognised.attributes.items())
        documents = []
        for row in sheet.block.rows:
            other = {name: cell for name, place in places if (cell := row[place].strip())}
            documents.append(to_json(other) if other else None)
        return documents


def _stock(cell: str) -> int | None:
    """Read how many there are; None for a blank cell and for one that does not count them."""
    try:
        return int(money.parse_number(cell, "EUR", "."))
    except ValueError:
        return None


def _status(cell: str) -> str | None:
    word = fold(cell)
    return None if not word and not cell.strip() else "hidden" if word in _HIDDEN or word.startswith("-1") else "active"


def _currency(cell: str) -> str | None:
    return money.currency_code(cell) if cell.strip() else None


def _first_url(cell: str) -> str | None:
    return _FIRST_OF_MANY.split(cell.strip())[0].rstrip(",;") or None
