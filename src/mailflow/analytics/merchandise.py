"""Which products are goods that can be recommended: not postage and fees, which orders list among their lines.

What is bought together: neighbours.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

# Whole titles, in small letters without signs, of what shops write between the goods.
_FEES = frozenset(
    re.split(
        r"\s*\n\s*",
        """postage
        dotcom postage
        carriage
        shipping
        shipping cost
        shipping costs
        shipping fee
        shipping and handling
        delivery
        delivery fee
        handling
        handling fee
        packaging
        gift wrap
        gift wrapping
        gift card
        gift voucher
        voucher
        discount
        coupon
        adjustment
        adjust bad debt
        manual
        samples
        bank charges
        amazon fee
        cruk commission
        fee
        service fee
        donation
        tip
        tips
        deposit
        tax
        vat
        porto
        porto und verpackung
        versand
        versandkosten
        lieferung
        verpackung
        rabatt
        gutschein
        geschenkgutschein
        trinkgeld
        pfand
        frais de port
        livraison
        remise
        carte cadeau
        gastos de envío
        envío
        descuento
        spedizione
        spese di spedizione
        sconto
        verzendkosten
        korting
        cadeaubon
        frakt
        fragt
        presentkort""",
    )
)
_NO_LETTERS = re.compile(r"[\W_]+")


def is_fee(title: str) -> bool:
    """Return whether a line of an order is called like postage, a fee, a discount or a voucher."""
    return _plain(title) in _FEES


def is_named(names: Iterable[str | None], categories: Iterable[str], listed: Collection[str]) -> bool:
    """Return whether one of a product's names (id, SKU, title) or categories is in a list, without regard to case."""
    if not listed:
        return False
    wanted = {name.casefold() for name in listed}
    return any(name.casefold() in wanted for name in (*filter(None, names), *categories))


def _plain(title: str) -> str:
    return " ".join(_NO_LETTERS.sub(" ", title.casefold()).split())
