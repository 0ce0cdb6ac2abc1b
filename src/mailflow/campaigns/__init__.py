"""Campaigns: files that say who gets which message when."""
