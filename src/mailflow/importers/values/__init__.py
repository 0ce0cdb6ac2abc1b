"""From cells to values: addresses, dates, amounts, consent. Rows of a kind: people, orders, events, registers."""
