"""The nouns: everything that is kept, in one SQLite file. The only room that speaks SQL.

One module per noun; each question a named function. Functions that write take `tx`, the connection inside
`Store.transaction()`; functions that read take `db`, any connection.
"""

from mailflow.store.connection import Connection, Row
from mailflow.store.database import Store

__all__ = ["Connection", "Row", "Store"]
