-- Codes and recommendations: what one person is offered. Appended to until it is released, never afterwards.

-- Rows that the undoing of an import had to leave, because a later import changed them or speaks of them. They go when
-- that one is undone too.
CREATE TABLE undo_left (
  change_id INTEGER NOT NULL REFERENCES import_changes (id),
  row_id    INTEGER NOT NULL,
  PRIMARY KEY (change_id, row_id)
) STRICT, WITHOUT ROWID;

-- Offers: codes that people get by mail ------------------------------------------------------------------------

-- The offers of offers.yaml that ever had a code. What one is worth stands in the file; with each code that was given, as
-- it was then.
CREATE TABLE offers (
  id      INTEGER PRIMARY KEY,
  name    TEXT NOT NULL UNIQUE,
  file    TEXT,                                -- of the codes, as offers.yaml names it
  sha256  TEXT,                                -- of that file as it was last read to its end
  reading INTEGER NOT NULL DEFAULT 0           -- how often it was read: a free code of an earlier reading is out of use
) STRICT;

-- Every code that is ours to give or that we gave, for ever: a file that is edited, emptied or read again gives none twice.
-- One without a message is free. What became of it is seen from the orders that name it: order_codes.
CREATE TABLE codes (
  id         INTEGER PRIMARY KEY,
  offer_id   INTEGER NOT NULL REFERENCES offers (id),
  kind       TEXT NOT NULL,                    -- pool | generated | shared
  code       TEXT NOT NULL,
  code_key   TEXT NOT NULL,                    -- as it is compared: without case
  reading    INTEGER NOT NULL,
  added_at   INTEGER NOT NULL,
  message_id INTEGER REFERENCES messages (id),
  contact_id INTEGER REFERENCES contacts (id), -- whose it is
  given_at   INTEGER,
  expires_at INTEGER,                          -- the first instant at which it is worth nothing; NULL: none
  terms      TEXT                              -- JSON object: what the mail said that it is worth
) STRICT;
CREATE UNIQUE INDEX codes_once ON codes (code_key) WHERE kind <> 'shared';
CREATE INDEX codes_by_key ON codes (code_key);
CREATE INDEX codes_free ON codes (offer_id, reading, id) WHERE message_id IS NULL;
CREATE INDEX codes_given ON codes (offer_id, given_at) WHERE message_id IS NOT NULL;
CREATE UNIQUE INDEX codes_by_message ON codes (message_id, offer_id) WHERE message_id IS NOT NULL;
CREATE INDEX codes_by_contact ON codes (contact_id, offer_id) WHERE contact_id IS NOT NULL;

-- Which offer the messages of a scope carry, so that what is planned counts against what is left.
CREATE TABLE offer_uses (
  scope    TEXT NOT NULL,
  step     TEXT NOT NULL,
  offer_id INTEGER NOT NULL REFERENCES offers (id),
  PRIMARY KEY (scope, step)
) STRICT, WITHOUT ROWID;

-- The discount codes that an order was placed with, ours or not.
CREATE TABLE order_codes (
  order_id INTEGER NOT NULL REFERENCES orders (id),
  code_key TEXT NOT NULL,
  code     TEXT NOT NULL,                      -- as the shop writes it
  PRIMARY KEY (order_id, code_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX order_codes_by_key ON order_codes (code_key);

-- Recommendations: what finished score runs named `recommendations` found out about products, variants as their parents.
-- Product ids without REFERENCES: an import that is undone takes its products away, and the next run forgets them. --

-- What goes together with what, the nearest first.
CREATE TABLE product_neighbours (
  run_id       INTEGER NOT NULL REFERENCES score_runs (id),
  product_id   INTEGER NOT NULL,
  place        INTEGER NOT NULL,               -- from 0
  neighbour_id INTEGER NOT NULL,
  score        REAL NOT NULL,                  -- 0 to 1
  support      INTEGER NOT NULL,               -- people who bought both
  PRIMARY KEY (run_id, product_id, place)
) STRICT, WITHOUT ROWID;

-- How each product that was bought sells.
CREATE TABLE product_sales (
  run_id     INTEGER NOT NULL REFERENCES score_runs (id),
  product_id INTEGER NOT NULL,
  buyers     INTEGER NOT NULL,
  popularity REAL NOT NULL,                    -- buyers, older purchases counting less
  place      INTEGER,                          -- among the popular ones, from 0; NULL: not among the first
  again      REAL,                             -- how likely it is bought again; NULL: it is no consumable
  PRIMARY KEY (run_id, product_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX product_sales_popular ON product_sales (run_id, place) WHERE place IS NOT NULL;

-- Which articles of articles.csv were in which message, so that nobody gets one twice.
CREATE TABLE articles_shown (
  contact_id INTEGER NOT NULL REFERENCES contacts (id),
  url        TEXT NOT NULL,
  message_id INTEGER NOT NULL REFERENCES messages (id),
  PRIMARY KEY (contact_id, url, message_id)
) STRICT, WITHOUT ROWID;

-- Since when a contact is known, where a file tells of an earlier day than the one on which it was read: the day on
-- which a shop or an old tool made them, or on which they said yes or no. `created_at` is when the row was written.
ALTER TABLE contacts ADD COLUMN known_since INTEGER;

-- Where the counted links of a scope lead. A link names its address by a hash, so that the same one is stored once.
CREATE TABLE links (
  scope      TEXT NOT NULL,                    -- of messages
  link       TEXT NOT NULL,
  url        TEXT NOT NULL,
  message_id INTEGER REFERENCES messages (id), -- the only message that has it, NULL: several; then it is nobody's own
  PRIMARY KEY (scope, link)
) STRICT, WITHOUT ROWID;
CREATE INDEX links_by_message ON links (message_id) WHERE message_id IS NOT NULL;
