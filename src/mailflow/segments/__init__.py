"""Segments: rules by name, and the people they mean. The language: rules; the RFM classes: analytics/rfm.py."""

from mailflow.segments.segments import RFM_CLASSES, Segments

__all__ = ["RFM_CLASSES", "Segments"]
