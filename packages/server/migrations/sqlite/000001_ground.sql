-- Times are milliseconds since the epoch. `env` numbers an environment, `mid` a message, `lane` an endpoint.

CREATE TABLE project (
  project_id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE environment (
  env INTEGER PRIMARY KEY,
  project_id TEXT NOT NULL REFERENCES project,
  name TEXT NOT NULL,
  clock_offset_ms INTEGER NOT NULL DEFAULT 0,
  UNIQUE (project_id, name)
) STRICT;

-- env 0 stands for the installation itself: administrators' keys.
CREATE TABLE api_key (
  key_id TEXT PRIMARY KEY,
  env INTEGER NOT NULL,
  name TEXT NOT NULL,
  scopes TEXT NOT NULL,
  prefix TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  revoked_at INTEGER
) STRICT;
CREATE INDEX api_key_env ON api_key (env, key_id);

CREATE TABLE idempotency (
  env INTEGER NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  result TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (env, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_age ON idempotency (created_at);

CREATE TABLE message (
  mid INTEGER PRIMARY KEY,
  message_id TEXT NOT NULL UNIQUE,
  env INTEGER NOT NULL,
  via TEXT NOT NULL,
  sender TEXT NOT NULL,
  subject TEXT NOT NULL,
  stream TEXT NOT NULL,
  tags TEXT NOT NULL,
  metadata TEXT NOT NULL,
  campaign_id TEXT,
  size INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  send_at INTEGER,
  expires_at INTEGER,
  cancelled_at INTEGER,
  options TEXT NOT NULL
) STRICT;
CREATE INDEX message_env ON message (env, mid);

-- facts: the fold of contract/state.ts as a bit set.
CREATE TABLE recipient (
  mid INTEGER NOT NULL,
  n INTEGER NOT NULL,
  address TEXT NOT NULL,
  role TEXT NOT NULL,
  facts INTEGER NOT NULL,
  PRIMARY KEY (mid, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX recipient_address ON recipient (address, mid);

-- The MIME message, zstd. Apart, because its retention is shorter and lists never read it.
CREATE TABLE raw_message (
  mid INTEGER PRIMARY KEY,
  body BLOB NOT NULL
) STRICT;

-- Recipients waiting for a transport; gone when the outcome is final.
CREATE TABLE outgoing (
  outgoing INTEGER PRIMARY KEY,
  env INTEGER NOT NULL,
  mid INTEGER NOT NULL,
  n INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  next_at INTEGER NOT NULL
) STRICT;
CREATE INDEX outgoing_due ON outgoing (env, next_at);
CREATE INDEX outgoing_message ON outgoing (mid);

-- log = env * 2^36 + position in the environment's log, so one b-tree serves every environment's log in
-- order and no index beside it is needed. deliveries: "lane:seq lane:seq" of the fan-out.
CREATE TABLE event (
  log INTEGER PRIMARY KEY,
  event_id TEXT NOT NULL UNIQUE,
  event_type TEXT NOT NULL,
  at INTEGER NOT NULL,
  mid INTEGER,
  recipient TEXT,
  campaign_id TEXT,
  envelope TEXT NOT NULL,
  deliveries TEXT NOT NULL
) STRICT;
CREATE INDEX event_message ON event (mid) WHERE mid IS NOT NULL;
CREATE INDEX event_recipient ON event (recipient) WHERE recipient IS NOT NULL;
CREATE INDEX event_campaign ON event (campaign_id) WHERE campaign_id IS NOT NULL;

CREATE TABLE suppression (
  env INTEGER NOT NULL,
  address TEXT NOT NULL,
  reason TEXT NOT NULL,
  event_id TEXT,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (env, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE counter (
  env INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  event_type TEXT NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (env, hour, event_type)
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: the number of a deleted lane is never used again.
CREATE TABLE endpoint (
  lane INTEGER PRIMARY KEY AUTOINCREMENT,
  endpoint_id TEXT NOT NULL UNIQUE,
  env INTEGER NOT NULL,
  settings TEXT NOT NULL,
  status TEXT NOT NULL,
  disabled_reason TEXT,
  secret_sealed TEXT NOT NULL,
  previous_secret_sealed TEXT,
  previous_secret_until INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER
) STRICT;
CREATE INDEX endpoint_env ON endpoint (env, lane);

-- Apart from endpoint, because it is written with every event.
CREATE TABLE lane_seq (
  lane INTEGER PRIMARY KEY,
  last_seq INTEGER NOT NULL
) STRICT;

-- The queue. next_at 0: waits for its first attempt; > 0: for the next one, environment's clock.
-- base: attempts made before the present run of the retry schedule.
CREATE TABLE pending (
  lane INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  log INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  base INTEGER NOT NULL,
  next_at INTEGER NOT NULL,
  PRIMARY KEY (lane, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX pending_retry ON pending (lane, next_at, seq) WHERE next_at > 0;

-- History. The last attempt stands in the row itself: most deliveries have only that one.
-- status: 1 delivered, 2 failed (dead letter), 3 discarded.
CREATE TABLE settled (
  lane INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  log INTEGER NOT NULL,
  status INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  at INTEGER NOT NULL,
  http_status INTEGER NOT NULL,
  latency_ms REAL NOT NULL,
  error TEXT,
  error_detail TEXT,
  excerpt TEXT,
  PRIMARY KEY (lane, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX settled_failed ON settled (lane, seq) WHERE status = 2;

-- Attempts before the last one.
CREATE TABLE attempt (
  lane INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  at INTEGER NOT NULL,
  http_status INTEGER NOT NULL,
  latency_ms REAL NOT NULL,
  error TEXT,
  error_detail TEXT,
  excerpt TEXT,
  PRIMARY KEY (lane, seq, attempt)
) STRICT, WITHOUT ROWID;
