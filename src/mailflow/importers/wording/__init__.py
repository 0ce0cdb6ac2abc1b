"""The words of other tools, as tables: of headers, consent, statuses, events."""
