"""Rules that the tables of shops name: amounts made of several columns, kinds of rows, ids within other words.

How a rule works: rules. What its cells become: order_columns, product_rows. `RULES` here are all of both.
"""

from __future__ import annotations

import re
from decimal import Decimal

from mailflow.importers.recognition.rules import RULES, rule
from mailflow.importers.wording.words import fold
from mailflow.importers.wording.words_shop import NO_SALE
from mailflow.money import parse_number

__all__ = ["RULES", "amount"]

_TAX_APART = frozenset({"amazoncom", "amazonca", "amazoncommx"})  # elsewhere the price of an item holds its tax
_DATE_OF_WORDS = re.compile(r"([A-Za-z]{3})-(\d{1,2})-(\d{2})\Z")
_PAYPAL_BACK = re.compile(r"refund|reversal|chargeback", re.IGNORECASE)
_PAYPAL_OTHER = re.compile(
    r"withdraw|transfer|currency conversion|hold|authori[sz]ation|\bfee|deposit|fund|cashback|request"
    r"|shopping cart item|adjustment|reserve",
    re.IGNORECASE,
)


def amount(cell: str) -> Decimal:
    """Return an amount as a tool that writes decimal points does: `$1,022.50`, `-$12.96`; 0 for a blank cell."""
    return parse_number(cell, "EUR", ".") if cell.strip() else Decimal(0)


@rule(
    reads=(
        "Amount",
        "Currency",
        "Amount Refunded",
        "Converted Amount",
        "Converted Currency",
        "Converted Amount Refunded",
    ),
    gives=("total", "currency", "refunded"),
)  # fmt: skip
def stripe_in_currency_of_account(
    charged: str, currency: str, back: str, converted: str, account: str, converted_back: str
) -> tuple[str, str, str]:
    """Stripe's amounts as it converted them that day into the currency of the account, else as charged."""
    if converted.strip() and account.strip():
        return converted, account, converted_back
    return charged, currency, back


@rule(reads=("Net Sales", "Tax"), gives=("total",))
def net_sales_and_tax(net: str, tax: str) -> str:
    """What a line of a till comes to: its net sales and the tax on them."""
    return str(amount(net) + amount(tax)) if net.strip() else ""


@rule(reads=("Order Total", "Adjusted Order Total"), gives=("refunded",))
def etsy_adjusted_total(total: str, adjusted: str) -> str:
    """What Etsy paid back: an adjusted total below the first one; 0.00 says that nothing was adjusted."""
    left = amount(adjusted)
    return str(amount(total) - left) if 0 < left < amount(total) else ""


@rule(reads=("placed_at",), gives=("placed_at",))
def ebay_date(date: str) -> str:
    """eBay's `Jul-21-26`: the month as a word, then the day, then the year."""
    match = _DATE_OF_WORDS.match(date.strip())
    return f"{match[2]} {match[1]} 20{match[3]}" if match else date


@rule(reads=("Type", "Gross", "From Email Address", "To Email Address"), gives=("kind", "email"))
def paypal_sales_and_refunds(what: str, gross: str, sender: str, receiver: str) -> tuple[str, str]:
    """PayPal's activity holds all that moved money: only payments received are sales; refunds go the other way."""
    if _PAYPAL_BACK.search(what):
        return ("refund", receiver) if amount(gross) < 0 else (NO_SALE, "")
    return (NO_SALE, "") if _PAYPAL_OTHER.search(what) or amount(gross) <= 0 else ("sale", sender)


@rule(
    reads=(
        "item-price", "item-tax", "shipping-price", "shipping-tax", "gift-wrap-price", "gift-wrap-tax",
        "item-promotion-discount", "ship-promotion-discount", "sales-channel",
    ),
    gives=("total",),
)  # fmt: skip
def amazon_line_total(
    item: str, item_tax: str, ship: str, ship_tax: str, wrap: str, wrap_tax: str, off: str, ship_off: str, where: str
) -> str:
    """What a line of an Amazon order comes to: item, shipping and wrapping less discounts, tax where it is apart."""
    total = amount(item) + amount(ship) + amount(wrap) - abs(amount(off)) - abs(amount(ship_off))
    if fold(where) in _TAX_APART:
        total += amount(item_tax) + amount(ship_tax) + amount(wrap_tax)
    return str(total)


@rule(reads=("status",), gives=("status",))
def status_before_dash(status: str) -> str:
    """Amazon's `Shipped - Delivered to Buyer` is shipped."""
    return status.partition(" - ")[0]


@rule(reads=("total", "refunded", "Fully Refunded?"), gives=("refunded",))
def gumroad_refund(total: str, partly: str, fully: str) -> str:
    """Gumroad ticks what was paid back entirely and names the amount of what was paid back in part."""
    return total if fold(fully) in ("1", "true", "yes") else partly


@rule(reads=("parent_id",), gives=("parent_id",))
def woocommerce_parent(parent: str) -> str:
    """WooCommerce's parent of a variation: `id:12` or a SKU."""
    return parent.strip().removeprefix("id:")


@rule(reads=("categories",), gives=("categories",))
def slashes_in_category_paths(paths: str) -> str:
    """Magento's `Default Category/Gear/Bags`: a path, its root left out."""
    return paths.replace("Default Category/", "").replace("Default Category", "").replace("/", ">")
