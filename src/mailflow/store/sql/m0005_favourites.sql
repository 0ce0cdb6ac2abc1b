-- Favourites: what people buy most, found once and kept. Appended to until it is released, never afterwards.

-- The category that is in most of a person's orders, in one of its spellings; who has none has no row. It holds as of
-- the last finished run called `favourites` in score_runs; for whom not, and how it is found: store/favourites.py.
CREATE TABLE contact_favourites (
  contact_id INTEGER PRIMARY KEY REFERENCES contacts (id),
  category   TEXT NOT NULL
) STRICT;
