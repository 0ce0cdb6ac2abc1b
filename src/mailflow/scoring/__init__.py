"""Compute scores from what is kept, and keep them. When that is due, without pandas: fresh.py; RFM: rfm.py."""

from mailflow.scoring.fresh import is_stale, refresh_in_child

__all__ = ["is_stale", "refresh_in_child"]
