"""Read cells that name several products at once: `2× Mug, 1× Tee`, `Mug x 2`, `name:Mug|quantity:2|total:20`, JSON.

Each cell shows by itself how it is written. What the products become: order_columns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mailflow.importers.wording.words import fold

_AMOUNT = r"\d+(?:\.\d+)?"
# `2× Mug, large, 1× Tee`: a comma parts two products only where a number and a cross follow it.
_COUNT_FIRST = re.compile(
    rf"\s*({_AMOUNT})\s*[x×*]\s+(.+?)\s*(?=(?:[,;|\n]\s*{_AMOUNT}\s*[x×*]\s)|\Z)[,;|\n]?", re.S | re.I
)
# `Print x 1, Frame x 2`
_COUNT_LAST = re.compile(rf"\s*(.+?)\s*[x×*]\s*({_AMOUNT})\s*(?:[,;|\n]|\Z)", re.S | re.I)
_STARTS_WITH_COUNT = re.compile(rf"\s*{_AMOUNT}\s*[x×*]\s", re.I)
_ENDS_WITH_COUNT = re.compile(rf"\s[x×*]\s*{_AMOUNT}\s*(?:[,;|\n]|\Z)", re.I)
_NUMBER = re.compile(rf"{_AMOUNT}\Z")
_NAMED_PART = re.compile(r"\s*([A-Za-z_ ]{2,30}?)\s*[:=]\s*(.*)\Z", re.S)
_LABELLED = re.compile(r"(Product [A-Z][A-Za-z ]*?): ?(.*?)(?:, (?=Product [A-Z][A-Za-z ]*:)|\s*\Z)", re.S)
_ESCAPED_BAR = re.compile(r"(?<!\\)\|")

_NAMES: Mapping[str, str] = {
    **dict.fromkeys(["name", "title", "productname", "itemname", "product", "item", "producttitle"], "title"),
    **dict.fromkeys(["productid", "id", "itemid", "variantid", "variationid"], "product_id"),
    **dict.fromkeys(["sku", "productsku"], "sku"),
    **dict.fromkeys(["quantity", "qty", "count", "productqty", "productquantity"], "quantity"),
    **dict.fromkeys(["price", "unitprice", "itemprice", "itemcost", "productunitprice"], "price"),
    **dict.fromkeys(["total", "linetotal", "itemtotal", "producttotalprice"], "total"),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One product of a cell, as text; `price` is of one, `total` of all of them; blank where the cell does not say."""

    title: str = ""
    product_id: str = ""
    sku: str = ""
    quantity: str = ""
    price: str = ""
    total: str = ""


def read_items(cell: str) -> list[Item]:
    """Return the products that a cell names; none of a blank cell, nor of one that only says how many they are."""
    text = cell.strip()
    if not text or _NUMBER.match(text):
        return []
    for reader in (_from_json, _from_labels, _from_parts, _count_first, _count_last):
        items = reader(text)
        if items:
            return items
    return [Item(title=one) for part in re.split(r"[;\n]|(?<!\\)\|", text) if (one := part.strip())]


def _from_json(text: str) -> list[Item] | None:
    if text[0] not in "[{":
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return [item for one in (found if isinstance(found, list) else [found]) if (item := _from_mapping(one))]


def _from_mapping(found: Any) -> Item | None:
    if not isinstance(found, Mapping):
        return Item(title=str(found)) if found else None
    named: dict[str, str] = {}
    for name, value in found.items():
        field = _NAMES.get(fold(str(name)))
        if field is not None and value is not None and not isinstance(value, (dict, list)):
            named.setdefault(field, str(value).strip())
    return Item(**named) if named else None


def _from_labels(text: str) -> list[Item] | None:
    """Read `Product ID: 77, Product Qty: 1, Product Name: Mug`; a bar parts one product from the next."""
    if not text.startswith("Product ID:"):
        return None
    found = [dict(_LABELLED.findall(product)) for product in text.split("|")]
    return [item for labels in found if (item := _from_mapping(labels))]


def _from_parts(text: str) -> list[Item] | None:
    """Read `name:Mug|product_id:12|quantity:2|total:20.00`; several products are parted by `||` or `;`."""
    items = []
    for product in re.split(r"\|\||;(?=\s*[A-Za-z_ ]{2,30}[:=])", text):
        named: dict[str, str] = {}
        for part in _ESCAPED_BAR.split(product):
            match = _NAMED_PART.match(part)
            field = _NAMES.get(fold(match[1])) if match else None
            if match and field:
                named.setdefault(field, match[2].replace("\\|", "|").strip())
        if not {"title", "product_id", "sku"} & set(named):
            return None
        items.append(Item(**named))
    return items


def _count_first(text: str) -> list[Item] | None:
    if not _STARTS_WITH_COUNT.match(text):
        return None
    return [Item(title=title, quantity=count) for count, title in _COUNT_FIRST.findall(text)]


def _count_last(text: str) -> list[Item] | None:
    if not _ENDS_WITH_COUNT.search(text):
        return None
    return [Item(title=title, quantity=count) for title, count in _COUNT_LAST.findall(text)]
