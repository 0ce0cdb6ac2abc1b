"""Everything that comes in, whoever wrote it. `files` takes one file through all of it, kind by kind (`nouns`).

`reading` makes rows of bytes; `recognition` tells what a file is and what its columns mean, by the words in `wording`
and the tables of tools in `tools/`; `values` reads cells; `people`, `orders`, `events` and `registers` stage, compare
and write, each kind by its `pipeline`. The database's side: store.staging.
"""

from mailflow.importers.files import import_file, recover
from mailflow.importers.nouns import Noun
from mailflow.importers.options import ImportOptions, ImportResult, Trouble

__all__ = ["ImportOptions", "ImportResult", "Noun", "Trouble", "import_file", "recover"]
