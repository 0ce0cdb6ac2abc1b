"""Upsert a CSV into one table with sqlite-utils, as its documentation shows: DATABASE TABLE KEY FILE."""

from __future__ import annotations

import csv
import sys

import sqlite_utils

database, table, key, file = sys.argv[1:]
with open(file, encoding="utf-8", newline="") as rows:
    sqlite_utils.Database(database)[table].upsert_all(csv.DictReader(rows), pk=key)
