"""What the sample shop sells: tea and what it is drunk from. Who buys it: orders.py."""

from __future__ import annotations

from dataclasses import dataclass

CURRENCY = "EUR"
_SHOP = "https://www.quitte-kanne.example"
_TEA, _WARE = "Tea", "Ware"
# Title, price in cents, category, page, pieces on the shelf.
_GOODS = (
    ("Sencha, 100 g", 1290, _TEA, "sencha", 64),
    ("Assam Second Flush, 100 g", 990, _TEA, "assam-second-flush", 80),
    ("Jasmine Pearls, 50 g", 1450, _TEA, "jasmine-pearls", 35),
    ("Rooibos with Orange Peel, 250 g", 1180, _TEA, "rooibos-orange", 52),
    ("Peppermint from the Garden, 60 g", 690, _TEA, "peppermint", 41),
    ("Darjeeling Spring Harvest, 100 g", 1890, _TEA, "darjeeling-spring", 28),
    ("Matcha, 30 g", 2450, _TEA, "matcha", 0),
    ("Alpine Herbs, 80 g", 850, _TEA, "alpine-herbs", 47),
    ("Oolong Dong Ding, 75 g", 1690, _TEA, "oolong-dong-ding", 22),
    ("Chai for Grey Days, 200 g", 1240, _TEA, "chai", 58),
    ("Stoneware Teapot »Kiesel«, 0.8 l", 6900, _WARE, "teapot-kiesel", 6),
    ("Tea Bowl »Moos«", 2600, _WARE, "tea-bowl-moos", 11),
    ("Mug »Nebel«, pair", 4400, _WARE, "mug-nebel", 9),
    ("Tea Tin, walnut lid", 3200, _WARE, "tea-tin-walnut", 14),
    ("Bamboo Whisk", 1900, _WARE, "bamboo-whisk", 17),
    ("Strainer, fine", 1150, _WARE, "strainer", 33),
)
PRODUCTS = tuple((title, cents) for title, cents, *_ in _GOODS)


@dataclass(frozen=True, slots=True)
class Product:
    """One line of products.csv. Amounts are decimal text."""

    product_id: str
    title: str
    category: str
    price: str
    currency: str
    stock: str
    url: str


CATALOGUE = tuple(
    Product(
        product_id=f"QK-P{number:02d}",
        title=title,
        category=category,
        price=f"{cents // 100}.{cents % 100:02d}",
        currency=CURRENCY,
        stock=str(stock),
        url=f"{_SHOP}/{page}",
    )
    for number, (title, cents, category, page, stock) in enumerate(_GOODS, start=1)
)
