"""Everything that comes in: files of contacts and orders, whoever wrote them.

`source` reads a file as text, `recognise` tells what it is (by the tables of tools in `layouts`, the words in
`vocabulary`), `shape` adds the columns that a table makes, `survey` tells how columns are written, `*_rows` turn rows
into staged tuples, `*_pipeline` compare and write them, `files` takes one file through all of it. The database's side:
store.staging.
"""

from mailflow.importers.files import import_file, recover
from mailflow.importers.nouns import Noun
from mailflow.importers.options import ImportOptions, ImportResult, Trouble

__all__ = ["ImportOptions", "ImportResult", "Noun", "Trouble", "import_file", "recover"]
