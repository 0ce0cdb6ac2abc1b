"""Delivery: carry frozen messages out of the house, each recorded before its last byte may go."""
