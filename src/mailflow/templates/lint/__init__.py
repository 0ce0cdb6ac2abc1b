"""Lint: what is wrong with a mail, as far as it can be told without sending it. Pure: no store, no network, no clock.

Each check is a small function that yields `Found`s under a code of checks.py. Whose mail is looked at, and how often a
fault occurs: jobs/lint.
"""
