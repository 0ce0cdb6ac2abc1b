"""Everything that comes in: files of contacts and orders, whoever wrote them.

`source` reads a CSV as text, `recognise` tells what it is, `survey` how its columns are written, `contact_rows` and
`order_rows` turn rows into staged tuples, `files` takes one file through all of it. The database's side: store.staging.
"""

from mailflow.importers.files import import_file, recover
from mailflow.importers.nouns import Noun
from mailflow.importers.options import ImportOptions, ImportResult, Trouble

__all__ = ["ImportOptions", "ImportResult", "Noun", "Trouble", "import_file", "recover"]
