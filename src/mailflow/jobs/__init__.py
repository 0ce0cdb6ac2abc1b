"""Whole tasks over several plans and verbs: each ends committed, each can be repeated. One file per task."""
