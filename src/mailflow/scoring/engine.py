"""The dataframe engines there are, by name: no frame is imported here. What they do: from_files.py."""

from __future__ import annotations

from enum import StrEnum


class Engine(StrEnum):
    """What reads exported files and adds them up; pandas comes with mailflow."""

    PANDAS = "pandas"
    DUCKDB = "duckdb"
    SPARK = "spark"
