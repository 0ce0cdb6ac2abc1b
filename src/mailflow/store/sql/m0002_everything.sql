-- What a shop knows beside contacts and orders: visits, carts, tickets, answers, bookings, people who look after others.

ALTER TABLE contacts ADD COLUMN owner TEXT;              -- who looks after them: the owner's e-mail or name as a file says it

-- Imports ------------------------------------------------------------------------------------------------------

ALTER TABLE imports ADD COLUMN merged INTEGER NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN data_version INTEGER;     -- of all data when it was finished: still so means nothing is new

-- Which import brought a contact (the insert whose range holds its id), and which changed it since.
CREATE INDEX import_changes_inserted ON import_changes (noun, last_id) WHERE before IS NULL;
CREATE INDEX import_changes_altered ON import_changes (noun, first_id) WHERE before IS NOT NULL;

-- What they bought ---------------------------------------------------------------------------------------------

ALTER TABLE products ADD COLUMN url TEXT;
ALTER TABLE products ADD COLUMN image_url TEXT;
ALTER TABLE products ADD COLUMN stock INTEGER;           -- NULL: not counted
ALTER TABLE products ADD COLUMN status TEXT NOT NULL DEFAULT 'active'; -- active | hidden
ALTER TABLE products ADD COLUMN attributes TEXT NOT NULL DEFAULT '{}'; -- JSON object of everything else
CREATE INDEX product_categories_by_category ON product_categories (category);
-- What rules ask of many orders is answered from the indexes alone: ten times faster than by way of the rows.
CREATE INDEX order_lines_by_product ON order_lines (product_id, order_id);
DROP INDEX orders_by_contact;
CREATE INDEX orders_by_contact ON orders (contact_id, placed_at, status);
-- Order lines that name a product by its SKU or title alone, and files of products that know it by its id.
CREATE INDEX products_by_sku ON products (source, sku) WHERE sku IS NOT NULL;
CREATE INDEX products_by_title ON products (source, title);
CREATE INDEX products_by_parent ON products (parent_id) WHERE parent_id IS NOT NULL;
-- Refunds that are rows of their own in a file: 'return:' and their id. Those of an order's own column are 'export'.
CREATE INDEX refunds_by_source_id ON refunds (source_id) WHERE source_id <> 'export';

-- What happened ------------------------------------------------------------------------------------------------

-- Who it was before they were known: a cookie's or a device's id. Their events get a contact when it becomes somebody's.
ALTER TABLE events ADD COLUMN visitor TEXT;
CREATE INDEX events_by_visitor ON events (visitor) WHERE contact_id IS NULL AND visitor IS NOT NULL;
CREATE INDEX events_by_name ON events (name, contact_id, occurred_at);
-- Whom to remind of a booking, and which features there are at all.
CREATE INDEX events_by_start ON events (properties ->> 'starts_at') WHERE name IN ('booking_made', 'booking_changed');
CREATE INDEX events_by_feature ON events (properties ->> 'feature') WHERE name = 'feature_used';

-- What people said about themselves. The latest holds, and no file that only knows about them overwrites it.
CREATE TABLE statements (
  id         INTEGER PRIMARY KEY,
  contact_id INTEGER NOT NULL REFERENCES contacts (id),
  field      TEXT NOT NULL,                    -- a column of contacts or the name of an attribute
  value      TEXT NOT NULL,
  question   TEXT,                             -- as it was asked
  stated_at  INTEGER NOT NULL,
  source     TEXT NOT NULL,
  import_id  INTEGER REFERENCES imports (id)
) STRICT;
CREATE INDEX statements_by_contact ON statements (contact_id, field, stated_at);

-- Who looks after whom, and what it costs ----------------------------------------------------------------------

CREATE TABLE owners (
  id         INTEGER PRIMARY KEY,
  source     TEXT NOT NULL,
  owner_id   TEXT NOT NULL,                    -- the tool's id, else the e-mail address, else the name
  name       TEXT,
  email      TEXT,
  phone      TEXT,
  title      TEXT,
  attributes TEXT NOT NULL DEFAULT '{}',
  UNIQUE (source, owner_id)
) STRICT;

CREATE TABLE companies (
  id         INTEGER PRIMARY KEY,
  source     TEXT NOT NULL,
  company_id TEXT NOT NULL,                    -- the tool's id, else the domain, else the name
  name       TEXT,
  name_key   TEXT,                             -- letters and digits of the name: registers.name_key
  domain     TEXT,
  industry   TEXT,
  size       TEXT,
  country    TEXT,
  owner      TEXT,
  attributes TEXT NOT NULL DEFAULT '{}',
  UNIQUE (source, company_id)
) STRICT;

CREATE INDEX companies_by_domain ON companies (domain);
CREATE INDEX companies_by_name ON companies (name_key);

CREATE TABLE costs (
  id           INTEGER PRIMARY KEY,
  source       TEXT NOT NULL,
  cost_id      TEXT NOT NULL,                  -- the file's id, else hash and number among equal rows
  spent_on     TEXT NOT NULL,                  -- a date in the account's zone
  channel      TEXT,
  campaign     TEXT,
  amount_minor INTEGER NOT NULL,
  currency     TEXT NOT NULL,
  note         TEXT,
  attributes   TEXT NOT NULL DEFAULT '{}',
  UNIQUE (source, cost_id)
) STRICT;

-- Two contacts that turned out to be one person. Rows keep their contact; `contacts.merged_into` leads to who it is: the
-- last of a chain, so that nobody has to follow it.
CREATE TABLE merges (
  id        INTEGER PRIMARY KEY,
  kept_id   INTEGER NOT NULL REFERENCES contacts (id),
  merged_id INTEGER NOT NULL REFERENCES contacts (id),
  evidence  TEXT NOT NULL,
  merged_at INTEGER NOT NULL,
  undone_at INTEGER,
  ledger_at INTEGER NOT NULL,                  -- the last entry of the ledger of consent before it
  consents  TEXT NOT NULL DEFAULT '[]',        -- JSON array: entries of the ledger that it wrote for the kept contact
  filled    TEXT NOT NULL DEFAULT '{}'         -- JSON object: blank fields of the kept contact that it filled, and with what
) STRICT;
CREATE INDEX merges_by_kept ON merges (kept_id);
CREATE INDEX merges_by_merged ON merges (merged_id);

-- Keys that a file gave to somebody though they are somebody else's: what duplicates are found by, never who somebody is.
CREATE TABLE claims (
  kind       TEXT NOT NULL,                    -- customer_id | phone, as in identities
  source     TEXT NOT NULL,
  value      TEXT NOT NULL,
  contact_id INTEGER NOT NULL REFERENCES contacts (id),
  import_id  INTEGER NOT NULL REFERENCES imports (id),
  PRIMARY KEY (kind, source, value, contact_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_by_import ON claims (import_id);
CREATE INDEX claims_by_contact ON claims (contact_id);

-- Who went from one RFM class into another, written by each run of the scores; the first run has nobody to compare with.
CREATE TABLE rfm_moves (
  contact_id INTEGER NOT NULL REFERENCES contacts (id),
  run_id     INTEGER NOT NULL REFERENCES score_runs (id),
  from_class TEXT,                             -- NULL: had no counted order before
  to_class   TEXT,                             -- NULL: has none any more
  PRIMARY KEY (contact_id, run_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX rfm_moves_by_run ON rfm_moves (run_id);
-- Before there was this table, the last scores in each class that somebody left were kept.
INSERT INTO rfm_moves
  SELECT contact_id, (SELECT min(n.id) FROM score_runs AS n WHERE n.id > run_id AND n.name = 'rfm' AND n.finished_at IS NOT NULL),
         class, next
  FROM (SELECT contact_id, run_id, class, lead(class) OVER (PARTITION BY contact_id ORDER BY run_id) AS next FROM rfm_scores
        WHERE run_id IN (SELECT id FROM score_runs WHERE name = 'rfm' AND finished_at IS NOT NULL))
  WHERE next <> class;

-- The ledger of consent is append-only. Personal data in it may be blanked (erasure), and an import that is being rolled
-- back takes its own entries along, as nobody has seen them.
CREATE TRIGGER consents_unchanged BEFORE UPDATE ON consents
WHEN (NEW.id, NEW.contact_id, NEW.channel, NEW.topic, NEW.state, NEW.basis, NEW.occurred_at, NEW.recorded_at, NEW.source,
      NEW.lifts, NEW.import_id)
     IS NOT (OLD.id, OLD.contact_id, OLD.channel, OLD.topic, OLD.state, OLD.basis, OLD.occurred_at, OLD.recorded_at,
             OLD.source, OLD.lifts, OLD.import_id)
  OR coalesce(NEW.address, OLD.address) IS NOT OLD.address
  OR coalesce(NEW.wording, OLD.wording) IS NOT OLD.wording
  OR coalesce(NEW.evidence, OLD.evidence) IS NOT OLD.evidence
BEGIN SELECT RAISE(ABORT, 'the ledger of consent is append-only'); END;
CREATE TRIGGER consents_kept BEFORE DELETE ON consents
WHEN NOT EXISTS (SELECT 1 FROM imports AS i WHERE i.id = OLD.import_id AND i.state = 'applying')
BEGIN SELECT RAISE(ABORT, 'the ledger of consent is append-only'); END;

-- Who was in which segment, and in which stage of their life as a customer -------------------------------------

-- The rules of segments.yaml as `run` last looked at them; history is kept of each from `first_at` on.
CREATE TABLE segments (
  id         INTEGER PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  first_at   INTEGER NOT NULL,
  checked_at INTEGER,                          -- when its members were last compared; NULL: not once to the end
  seen       TEXT NOT NULL DEFAULT '{}',       -- JSON: what it reads → how far that had come (store/marks.py)
  due_at     INTEGER,                          -- when the clock alone may change it
  dropped_at INTEGER                           -- when it was no longer in segments.yaml
) STRICT;

-- A rule that was edited is a new version: who moves because of that did not change themselves.
CREATE TABLE segment_versions (
  id         INTEGER PRIMARY KEY,
  segment_id INTEGER NOT NULL REFERENCES segments (id),
  rule       TEXT NOT NULL,
  hash       TEXT NOT NULL,                    -- of the rule and of those it names
  since      INTEGER NOT NULL
) STRICT;
CREATE INDEX segment_versions_by_segment ON segment_versions (segment_id);

-- Whoever deletes a contact deletes these rows: a foreign key would need an index by contact, which costs half of the time
-- that it takes to write them.
CREATE TABLE membership (
  id         INTEGER PRIMARY KEY,
  segment_id INTEGER NOT NULL REFERENCES segments (id),
  contact_id INTEGER NOT NULL,
  entered_at INTEGER NOT NULL,
  entered_by TEXT NOT NULL,                    -- person | rule | start
  left_at    INTEGER,
  left_by    TEXT                              -- person | rule
) STRICT;
CREATE UNIQUE INDEX membership_now ON membership (segment_id, contact_id) WHERE left_at IS NULL;
CREATE INDEX membership_past ON membership (segment_id, contact_id) WHERE left_at IS NOT NULL;
CREATE INDEX membership_entered ON membership (segment_id, entered_at);
CREATE INDEX membership_left ON membership (segment_id, left_at) WHERE left_at IS NOT NULL;

-- Everybody's stages, one after the other: the one without `left_at` is the present one. The three figures are what
-- decided it when it began; lengths of time in milliseconds.
CREATE TABLE lifecycle_stages (
  id         INTEGER PRIMARY KEY,
  contact_id INTEGER NOT NULL REFERENCES contacts (id),
  stage      TEXT NOT NULL,                    -- lead | new | active | loyal | at_risk | lapsed | lost
  previous   TEXT,                             -- NULL where history begins
  entered_at INTEGER NOT NULL,
  left_at    INTEGER,
  run_id     INTEGER NOT NULL REFERENCES score_runs (id),
  orders     INTEGER NOT NULL,
  gap        INTEGER,                          -- usual time between two orders, NULL without any order
  silence    INTEGER                           -- time since the last order
) STRICT;
CREATE UNIQUE INDEX lifecycle_stages_now ON lifecycle_stages (contact_id) WHERE left_at IS NULL;
CREATE INDEX lifecycle_stages_by_contact ON lifecycle_stages (contact_id);
CREATE VIEW lifecycle_now AS
  SELECT contact_id, stage, previous, entered_at, orders, gap, silence, run_id FROM lifecycle_stages WHERE left_at IS NULL;
