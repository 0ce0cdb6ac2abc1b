"""Offers: what offers.yaml promises, the codes for it, and whether there are enough. Rows of codes: store/codes.py."""
