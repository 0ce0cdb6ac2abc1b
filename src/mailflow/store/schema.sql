-- The schema as all migrations leave it; a test holds that they do. Written by `python -m mailflow.store.migrations`.
-- Instants are integer UTC milliseconds (`_at`), money integer minor units beside its currency (`_minor`).

CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);

CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");

CREATE TABLE contacts (
  id          INTEGER PRIMARY KEY,
  key         TEXT NOT NULL UNIQUE,            -- random, immutable: what plans, hold-outs and exports speak of
  email       TEXT,                            -- as it is written to; NULL where no address is known
  first_name  TEXT,
  last_name   TEXT,
  company     TEXT,
  phone       TEXT,
  language    TEXT,
  timezone    TEXT,
  country     TEXT,
  region      TEXT,
  city        TEXT,
  postcode    TEXT,
  birthday    TEXT,                            -- 1984-03-07, or --03-07 without a year
  attributes  TEXT NOT NULL DEFAULT '{}',      -- JSON object of everything else
  source      TEXT NOT NULL,                   -- where we first heard of them; never overwritten
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  merged_into INTEGER REFERENCES contacts (id)
, owner TEXT, known_since INTEGER) STRICT;

CREATE INDEX contacts_merged ON contacts (merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE identities (
  kind       TEXT NOT NULL,                    -- email | phone | customer_id
  source     TEXT NOT NULL,
  value      TEXT NOT NULL,                    -- normalised for comparison
  contact_id INTEGER NOT NULL REFERENCES contacts (id),
  PRIMARY KEY (kind, source, value)
) STRICT, WITHOUT ROWID;

CREATE INDEX identities_by_contact ON identities (contact_id);

CREATE TABLE consents (
  id          INTEGER PRIMARY KEY,
  contact_id  INTEGER NOT NULL REFERENCES contacts (id),
  channel     TEXT NOT NULL,                   -- email
  topic       TEXT NOT NULL,                   -- '' is all marketing on the channel
  state       TEXT NOT NULL,                   -- subscribed | pending | unsubscribed
  basis       TEXT NOT NULL,                   -- express | implied | purchase | unknown
  address     TEXT,                            -- the address it was given for
  occurred_at INTEGER NOT NULL,
  recorded_at INTEGER NOT NULL,
  source      TEXT NOT NULL,
  wording     TEXT,
  evidence    TEXT,
  lifts       INTEGER NOT NULL DEFAULT 0,      -- 1: may lift an earlier no (double opt-in, owner with evidence)
  import_id   INTEGER REFERENCES imports (id)
) STRICT;

CREATE INDEX consents_by_contact ON consents (contact_id);

CREATE TABLE consent_states (
  contact_id INTEGER NOT NULL REFERENCES contacts (id),
  channel    TEXT NOT NULL,
  topic      TEXT NOT NULL,
  state      TEXT NOT NULL,
  basis      TEXT NOT NULL,
  since      INTEGER NOT NULL,
  consent_id INTEGER NOT NULL REFERENCES consents (id),
  PRIMARY KEY (contact_id, channel, topic)
) STRICT, WITHOUT ROWID;

CREATE TABLE suppressions (
  id           INTEGER PRIMARY KEY,
  address_hash TEXT NOT NULL,                  -- HMAC-SHA256 of the normalised address; survives erasure
  address      TEXT,                           -- NULL once erased
  reason       TEXT NOT NULL,                  -- hard_bounce | complaint | manual | erased
  evidence     TEXT,
  source       TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  lifted_at    INTEGER,
  UNIQUE (address_hash, reason)
) STRICT;

CREATE TABLE products (
  id         INTEGER PRIMARY KEY,
  source     TEXT NOT NULL,
  product_id TEXT NOT NULL,                    -- the shop's product id, else the SKU, else the title
  sku        TEXT,
  title      TEXT NOT NULL,
  vendor     TEXT,
  parent_id  INTEGER REFERENCES products (id), -- of a variant
  price_minor INTEGER,
  currency   TEXT, url TEXT, image_url TEXT, stock INTEGER, status TEXT NOT NULL DEFAULT 'active', attributes TEXT NOT NULL DEFAULT '{}',
  UNIQUE (source, product_id)
) STRICT;

CREATE TABLE product_categories (
  product_id INTEGER NOT NULL REFERENCES products (id),
  category   TEXT NOT NULL,
  PRIMARY KEY (product_id, category)
) STRICT, WITHOUT ROWID;

CREATE TABLE orders (
  id          INTEGER PRIMARY KEY,
  source      TEXT NOT NULL,                   -- the shop: orders are unique by it and their id
  order_id    TEXT NOT NULL,                   -- the shop's id; without one, hash and number among equal rows
  contact_id  INTEGER REFERENCES contacts (id), -- NULL for a buyer nothing is known of
  status      TEXT NOT NULL,                   -- open | paid | cancelled | failed
  placed_at   INTEGER NOT NULL,
  total_minor INTEGER NOT NULL,                -- with tax and shipping, before refunds
  currency    TEXT NOT NULL,
  fingerprint INTEGER NOT NULL,                -- of the order and its lines as imported: unchanged means unchanged
  UNIQUE (source, order_id)
) STRICT;

CREATE TABLE order_lines (
  id          INTEGER PRIMARY KEY,
  order_id    INTEGER NOT NULL REFERENCES orders (id),
  product_id  INTEGER REFERENCES products (id),
  title       TEXT NOT NULL,
  quantity    REAL NOT NULL,
  price_minor INTEGER                          -- of one, in the order's currency
) STRICT;

CREATE INDEX order_lines_by_order ON order_lines (order_id);

CREATE TABLE refunds (
  id           INTEGER PRIMARY KEY,
  order_id     INTEGER NOT NULL REFERENCES orders (id),
  source_id    TEXT NOT NULL,
  refunded_at  INTEGER NOT NULL,
  amount_minor INTEGER NOT NULL,               -- positive, in the order's currency
  UNIQUE (order_id, source_id)
) STRICT;

CREATE TABLE contact_facts (
  contact_id     INTEGER PRIMARY KEY REFERENCES contacts (id),
  order_count    INTEGER NOT NULL,             -- counted orders (open and paid)
  first_order_at INTEGER NOT NULL,
  last_order_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE contact_revenue (
  contact_id    INTEGER NOT NULL REFERENCES contacts (id),
  currency      TEXT NOT NULL,
  revenue_minor INTEGER NOT NULL,              -- counted orders less refunds
  PRIMARY KEY (contact_id, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  id          INTEGER PRIMARY KEY,
  contact_id  INTEGER REFERENCES contacts (id),
  name        TEXT NOT NULL,                   -- past participle: delivered, bounced, clicked, product_viewed …
  source      TEXT NOT NULL,
  source_id   TEXT NOT NULL,
  occurred_at INTEGER NOT NULL,
  recorded_at INTEGER NOT NULL,
  properties  TEXT NOT NULL DEFAULT '{}', visitor TEXT,      -- JSON object
  UNIQUE (source, source_id)
) STRICT;

CREATE INDEX events_by_contact ON events (contact_id, occurred_at);

CREATE TABLE imports (
  id          INTEGER PRIMARY KEY,
  file        TEXT NOT NULL,
  sha256      TEXT NOT NULL,
  noun        TEXT NOT NULL,                   -- contacts | orders | …  (`--as`)
  tool        TEXT NOT NULL,                   -- shopify | plain | …    (`--from`)
  state       TEXT NOT NULL,                   -- applying | done | undone | rolled_back
  started_at  INTEGER NOT NULL,
  finished_at INTEGER,
  undone_at   INTEGER,
  inserted    INTEGER NOT NULL DEFAULT 0,
  updated     INTEGER NOT NULL DEFAULT 0,
  unchanged   INTEGER NOT NULL DEFAULT 0,
  rejected    INTEGER NOT NULL DEFAULT 0,
  options     TEXT NOT NULL DEFAULT '{}'       -- JSON: mapping, consent, evidence, zone as they were used
, merged INTEGER NOT NULL DEFAULT 0, data_version INTEGER) STRICT;

CREATE TABLE import_problems (
  id        INTEGER PRIMARY KEY,
  import_id INTEGER NOT NULL REFERENCES imports (id),
  line      INTEGER NOT NULL,
  field     TEXT,
  reason    TEXT NOT NULL
) STRICT;

CREATE INDEX import_problems_by_import ON import_problems (import_id);

CREATE TABLE import_changes (
  id        INTEGER PRIMARY KEY,
  import_id INTEGER NOT NULL REFERENCES imports (id),
  noun      TEXT NOT NULL,                     -- the table
  first_id  INTEGER NOT NULL,
  last_id   INTEGER NOT NULL,
  before    TEXT                               -- NULL for rows that were inserted
) STRICT;

CREATE INDEX import_changes_by_import ON import_changes (import_id);

CREATE TABLE score_runs (
  id          INTEGER PRIMARY KEY,
  name        TEXT NOT NULL,                   -- rfm | …
  version     INTEGER NOT NULL,                -- of the sum
  as_of       TEXT NOT NULL,                   -- the day, in the account's zone
  computed_at INTEGER NOT NULL,
  finished_at INTEGER,                         -- NULL while its rows are being written: nobody reads them yet
  inputs      TEXT NOT NULL                    -- JSON: data version, cut points, settings
) STRICT;

CREATE TABLE rfm_scores (
  contact_id     INTEGER NOT NULL REFERENCES contacts (id),
  run_id         INTEGER NOT NULL REFERENCES score_runs (id),
  recency_days   INTEGER NOT NULL,
  frequency      INTEGER NOT NULL,
  monetary_minor INTEGER NOT NULL,
  currency       TEXT NOT NULL,
  r              INTEGER NOT NULL,
  f              INTEGER NOT NULL,
  m              INTEGER NOT NULL,
  class          TEXT NOT NULL,
  PRIMARY KEY (contact_id, run_id)
) STRICT, WITHOUT ROWID;

CREATE VIEW rfm_now AS
  SELECT contact_id, recency_days, frequency, monetary_minor, currency, r, f, m, class, run_id FROM rfm_scores
  WHERE run_id = (SELECT max(id) FROM score_runs WHERE name = 'rfm' AND finished_at IS NOT NULL);

CREATE TABLE scores (
  contact_id INTEGER NOT NULL REFERENCES contacts (id),
  name       TEXT NOT NULL,
  value      REAL NOT NULL,
  causes     TEXT NOT NULL DEFAULT '[]',       -- JSON
  run_id     INTEGER NOT NULL REFERENCES score_runs (id),
  PRIMARY KEY (contact_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE campaigns (
  scope       TEXT PRIMARY KEY,                -- campaign:spring, rehearsal:spring@1a2b3c4d
  campaign    TEXT NOT NULL,                   -- `id:` of the file, by default the file's name
  approved_at INTEGER NOT NULL,
  files_hash  TEXT NOT NULL,                   -- of the spec and its templates as approved; an edit holds the campaign
  files       TEXT NOT NULL,                   -- JSON: path → text as approved, to show what changed since
  plan_id     TEXT,                            -- only who was in this plan; NULL: whoever is in the audience
  at_most     INTEGER                          -- how many messages this approval lets out; NULL: all
) STRICT, WITHOUT ROWID;

CREATE TABLE occurrences (
  scope      TEXT NOT NULL REFERENCES campaigns (scope),
  occurrence TEXT NOT NULL,                    -- '' for a campaign that happens once
  due_at     INTEGER NOT NULL,                 -- the earliest due_at of its messages
  not_after  INTEGER NOT NULL,                 -- the latest not_after of its messages
  planned_at INTEGER,                          -- NULL until every message of it is a row
  PRIMARY KEY (scope, occurrence)
) STRICT, WITHOUT ROWID;

CREATE TABLE plans (
  id         TEXT PRIMARY KEY,
  campaign   TEXT NOT NULL,
  made_at    INTEGER NOT NULL,
  files      TEXT NOT NULL,                    -- JSON: path → text
  members    TEXT NOT NULL                     -- JSON array of contact ids that were to get it
) STRICT;

CREATE TABLE messages (
  id          INTEGER PRIMARY KEY,
  scope       TEXT NOT NULL,                   -- campaign:spring, flow:cart, test:…, rehearsal:…
  contact_id  INTEGER NOT NULL REFERENCES contacts (id),
  channel     TEXT NOT NULL,
  step        TEXT NOT NULL,
  occurrence  TEXT NOT NULL,
  variant     TEXT NOT NULL,
  class       TEXT NOT NULL,                   -- marketing | essential
  kind        TEXT NOT NULL,                   -- promo | value
  rehearsal   INTEGER NOT NULL,                -- 1: into the Maildir; never counted, capped or reported
  address     TEXT NOT NULL,                   -- who it is for, as of planning
  state       TEXT NOT NULL,
  reason      TEXT,
  due_at      INTEGER NOT NULL,
  not_after   INTEGER NOT NULL,
  next_at     INTEGER NOT NULL,                -- when to look at it next: due_at, later the back-off
  attempts    INTEGER NOT NULL DEFAULT 0,      -- tries that count against the message
  token       TEXT NOT NULL UNIQUE,            -- random; in Message-ID and links
  reply       TEXT,                            -- the relay's last words, whole
  planned_at  INTEGER NOT NULL,
  settled_at  INTEGER,                         -- when it reached its present final state
  UNIQUE (scope, contact_id, channel, step, occurrence)
) STRICT;

CREATE INDEX messages_open ON messages (next_at) WHERE state IN ('planned', 'ready', 'deferred');

CREATE INDEX messages_refused ON messages (next_at) WHERE state = 'skipped';

CREATE INDEX messages_unsettled ON messages (state) WHERE state IN ('armed', 'in_doubt');

CREATE INDEX messages_by_contact ON messages (contact_id, settled_at);

CREATE TABLE message_contents (
  message_id INTEGER PRIMARY KEY REFERENCES messages (id),
  mail_from  TEXT NOT NULL,
  rcpt_to    TEXT NOT NULL,
  subject    TEXT NOT NULL,
  frozen_at  INTEGER NOT NULL,
  size       INTEGER NOT NULL,                 -- of the bytes
  sha256     TEXT NOT NULL,                    -- stays when the bytes go
  bytes      BLOB                              -- zlib of the message as sent, dots not stuffed; NULL after 30 days
, true_until INTEGER) STRICT;

CREATE INDEX message_contents_kept ON message_contents (frozen_at) WHERE bytes IS NOT NULL;

CREATE TABLE attempts (
  id         INTEGER PRIMARY KEY,
  message_id INTEGER NOT NULL REFERENCES messages (id),
  runner     TEXT NOT NULL,                    -- which process, on which host
  armed_at   INTEGER NOT NULL,
  ended_at   INTEGER,
  outcome    TEXT,                             -- the state it led to
  reply      TEXT
) STRICT;

CREATE INDEX attempts_by_message ON attempts (message_id);

CREATE TABLE stops (
  scope      TEXT PRIMARY KEY,
  reason     TEXT NOT NULL,
  stopped_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE state (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE VIEW orders_readable AS
  SELECT id, source, order_id, contact_id, status, strftime('%Y-%m-%dT%H:%M:%SZ', placed_at / 1000, 'unixepoch') AS placed,
         total_minor, currency FROM orders;

CREATE VIEW messages_readable AS
  SELECT m.id, m.scope, c.email, m.state, m.reason, strftime('%Y-%m-%dT%H:%M:%SZ', m.due_at / 1000, 'unixepoch') AS due,
         m.attempts, m.reply, strftime('%Y-%m-%dT%H:%M:%SZ', m.settled_at / 1000, 'unixepoch') AS settled
  FROM messages AS m JOIN contacts AS c ON c.id = m.contact_id;

CREATE VIEW consents_readable AS
  SELECT n.id, c.email, n.channel, n.topic, n.state, n.basis,
         strftime('%Y-%m-%dT%H:%M:%SZ', n.occurred_at / 1000, 'unixepoch') AS occurred, n.source, n.wording, n.evidence
  FROM consents AS n JOIN contacts AS c ON c.id = n.contact_id;

CREATE VIEW events_readable AS
  SELECT e.id, c.email, e.name, strftime('%Y-%m-%dT%H:%M:%SZ', e.occurred_at / 1000, 'unixepoch') AS occurred, e.source, e.properties
  FROM events AS e LEFT JOIN contacts AS c ON c.id = e.contact_id;

CREATE INDEX import_changes_inserted ON import_changes (noun, last_id) WHERE before IS NULL;

CREATE INDEX import_changes_altered ON import_changes (noun, first_id) WHERE before IS NOT NULL;

CREATE INDEX product_categories_by_category ON product_categories (category);

CREATE INDEX order_lines_by_product ON order_lines (product_id, order_id);

CREATE INDEX orders_by_contact ON orders (contact_id, placed_at, status);

CREATE INDEX products_by_sku ON products (source, sku) WHERE sku IS NOT NULL;

CREATE INDEX products_by_title ON products (source, title);

CREATE INDEX products_by_parent ON products (parent_id) WHERE parent_id IS NOT NULL;

CREATE INDEX refunds_by_source_id ON refunds (source_id) WHERE source_id <> 'export';

CREATE INDEX events_by_visitor ON events (visitor) WHERE contact_id IS NULL AND visitor IS NOT NULL;

CREATE INDEX events_by_name ON events (name, contact_id, occurred_at);

CREATE INDEX events_by_start ON events (properties ->> 'starts_at') WHERE name IN ('booking_made', 'booking_changed');

CREATE INDEX events_by_feature ON events (properties ->> 'feature') WHERE name = 'feature_used';

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

CREATE TABLE rfm_moves (
  contact_id INTEGER NOT NULL REFERENCES contacts (id),
  run_id     INTEGER NOT NULL REFERENCES score_runs (id),
  from_class TEXT,                             -- NULL: had no counted order before
  to_class   TEXT,                             -- NULL: has none any more
  PRIMARY KEY (contact_id, run_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX rfm_moves_by_run ON rfm_moves (run_id);

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

CREATE TABLE segments (
  id         INTEGER PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  first_at   INTEGER NOT NULL,
  checked_at INTEGER,                          -- when its members were last compared; NULL: not once to the end
  seen       TEXT NOT NULL DEFAULT '{}',       -- JSON: what it reads → how far that had come (store/marks.py)
  due_at     INTEGER,                          -- when the clock alone may change it
  dropped_at INTEGER                           -- when it was no longer in segments.yaml
) STRICT;

CREATE TABLE segment_versions (
  id         INTEGER PRIMARY KEY,
  segment_id INTEGER NOT NULL REFERENCES segments (id),
  rule       TEXT NOT NULL,
  hash       TEXT NOT NULL,                    -- of the rule and of those it names
  since      INTEGER NOT NULL
) STRICT;

CREATE INDEX segment_versions_by_segment ON segment_versions (segment_id);

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

CREATE TABLE undo_left (
  change_id INTEGER NOT NULL REFERENCES import_changes (id),
  row_id    INTEGER NOT NULL,
  PRIMARY KEY (change_id, row_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE offers (
  id      INTEGER PRIMARY KEY,
  name    TEXT NOT NULL UNIQUE,
  file    TEXT,                                -- of the codes, as offers.yaml names it
  sha256  TEXT,                                -- of that file as it was last read to its end
  reading INTEGER NOT NULL DEFAULT 0           -- how often it was read: a free code of an earlier reading is out of use
) STRICT;

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

CREATE TABLE offer_uses (
  scope    TEXT NOT NULL,
  step     TEXT NOT NULL,
  offer_id INTEGER NOT NULL REFERENCES offers (id),
  PRIMARY KEY (scope, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE order_codes (
  order_id INTEGER NOT NULL REFERENCES orders (id),
  code_key TEXT NOT NULL,
  code     TEXT NOT NULL,                      -- as the shop writes it
  PRIMARY KEY (order_id, code_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX order_codes_by_key ON order_codes (code_key);

CREATE TABLE product_neighbours (
  run_id       INTEGER NOT NULL REFERENCES score_runs (id),
  product_id   INTEGER NOT NULL,
  place        INTEGER NOT NULL,               -- from 0
  neighbour_id INTEGER NOT NULL,
  score        REAL NOT NULL,                  -- 0 to 1
  support      INTEGER NOT NULL,               -- people who bought both
  PRIMARY KEY (run_id, product_id, place)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE articles_shown (
  contact_id INTEGER NOT NULL REFERENCES contacts (id),
  url        TEXT NOT NULL,
  message_id INTEGER NOT NULL REFERENCES messages (id),
  PRIMARY KEY (contact_id, url, message_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE links (
  scope      TEXT NOT NULL,                    -- of messages
  link       TEXT NOT NULL,
  url        TEXT NOT NULL,
  message_id INTEGER REFERENCES messages (id), -- the only message that has it, NULL: several; then it is nobody's own
  PRIMARY KEY (scope, link)
) STRICT, WITHOUT ROWID;

CREATE INDEX links_by_message ON links (message_id) WHERE message_id IS NOT NULL;

CREATE TABLE polls_asked (
  poll       TEXT NOT NULL,                    -- its name in polls.yaml
  message_id INTEGER NOT NULL REFERENCES messages (id),
  PRIMARY KEY (poll, message_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX polls_asked_by_message ON polls_asked (message_id);

CREATE TRIGGER polls_not_asked AFTER DELETE ON message_contents BEGIN
  DELETE FROM polls_asked WHERE message_id = old.message_id;
END;

CREATE INDEX messages_mixed ON messages (settled_at)
  WHERE state IN ('accepted', 'in_doubt') AND class = 'marketing' AND rehearsal = 0;

CREATE TRIGGER articles_not_shown AFTER DELETE ON message_contents BEGIN
  DELETE FROM articles_shown WHERE message_id = old.message_id;
END;

CREATE INDEX articles_shown_by_message ON articles_shown (message_id);

CREATE TABLE contact_favourites (
  contact_id INTEGER PRIMARY KEY REFERENCES contacts (id),
  category   TEXT NOT NULL
) STRICT;

INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('mailflow', 'm0001_first', strftime('%Y-%m-%d %H:%M:%f+00:00'));
INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('mailflow', 'm0002_everything', strftime('%Y-%m-%d %H:%M:%f+00:00'));
INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('mailflow', 'm0003_offers', strftime('%Y-%m-%d %H:%M:%f+00:00'));
INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('mailflow', 'm0004_answers', strftime('%Y-%m-%d %H:%M:%f+00:00'));
INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('mailflow', 'm0005_favourites', strftime('%Y-%m-%d %H:%M:%f+00:00'));
