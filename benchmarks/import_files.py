"""Made-up files to import: seeded, so that every machine measures the same rows."""

from __future__ import annotations

import csv
import random
from datetime import datetime, timedelta
from pathlib import Path

SEED = 20261122
_FIRST = "Ada Björn Chloé Dmitri Élodie Farid Greta Hanna Ines José Kaja Luís Maren Nils Olga Paula".split()
_LAST = (
    "Ahlberg Berg Costa Dvořák Eriksen Fuchs García Hoffmann Ivanov Jensen Koch Lund Muñoz Novák Öztürk Silva".split()
)
_PLACES = (("NO", "Bergen"), ("AT", "Wien"), ("DE", "Köln"), ("ES", "Málaga"), ("PT", "Porto"), ("SE", "Malmö"))


def email(number: int) -> str:
    """Return the address of person `number`."""
    return f"{_FIRST[number % 16].lower().encode('ascii', 'ignore').decode()}.{number}@mail{number % 97}.example"


def write_contacts(path: Path, count: int, *, seed: int = SEED) -> Path:
    """Write `count` people: e-mail, names, country, city."""
    dice = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["email", "first_name", "last_name", "country", "city"])
        for number in range(count):
            country, city = dice.choice(_PLACES)
            writer.writerow([email(number), dice.choice(_FIRST), dice.choice(_LAST), country, city])
    return path


def write_orders(path: Path, count: int, people: int, *, seed: int = SEED) -> Path:
    """Write `count` orders over three years, in the order they were placed, of people drawn with a long tail."""
    dice = random.Random(seed)
    at = datetime(2023, 11, 1)  # noqa: DTZ001 (wall time, as shops write it)
    step = timedelta(days=3 * 365) / count
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["order_id", "email", "order_date", "total", "currency"])
        for number in range(count):
            at += step
            person = int(people * dice.random() ** 1.5)
            writer.writerow(
                [
                    100_000 + number,
                    email(person),
                    f"{at:%Y-%m-%d %H:%M:%S}",
                    f"{dice.lognormvariate(3.5, 0.8):.2f}",
                    "EUR",
                ]
            )
    return path


def write_lines(path: Path, count: int, people: int, *, seed: int = SEED) -> Path:
    """Write `count` order lines of 3,000 products, one to four an order; every line repeats its order's total."""
    dice = random.Random(seed)
    at, order = datetime(2023, 11, 1), 100_000  # noqa: DTZ001 (wall time, as shops write it)
    step = timedelta(days=3 * 365) / count
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow("order_id email order_date currency sku title quantity unit_price total".split())
        written = 0
        while written < count:
            order, at = order + 1, at + 2 * step
            lines = min(dice.choice((1, 1, 2, 2, 3, 3, 4, 4)), count - written)
            goods = [(dice.randrange(3000), dice.randrange(1, 4), dice.randrange(100, 9000)) for _ in range(lines)]
            total = sum(quantity * cents for _, quantity, cents in goods) / 100
            person = email(int(people * dice.random() ** 1.5))
            head = (order, person, f"{at:%Y-%m-%d %H:%M:%S}", "EUR")
            writer.writerows(
                (*head, f"SKU-{number}", f"Product number {number}", quantity, f"{cents / 100:.2f}", f"{total:.2f}")
                for number, quantity, cents in goods
            )
            written += lines
    return path
