/** Tables of the SQLite store. `due_at` is set on unfinished jobs only, so the index over them stays small. */

export const SQLITE_SCHEMA = `
CREATE TABLE IF NOT EXISTS postrider_jobs (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL,
  consumer TEXT NOT NULL,
  status TEXT NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER,
  at INTEGER NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  lane TEXT NOT NULL DEFAULT '',
  seq INTEGER,
  order_key TEXT,
  replay TEXT,
  event TEXT,
  raw TEXT,
  UNIQUE (id, consumer)
) STRICT;
CREATE INDEX IF NOT EXISTS postrider_jobs_due ON postrider_jobs (due_at, position) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS postrider_jobs_order ON postrider_jobs (consumer, order_key, position) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS postrider_jobs_settled ON postrider_jobs (status, at) WHERE due_at IS NULL;
CREATE INDEX IF NOT EXISTS postrider_jobs_seq ON postrider_jobs (lane, seq) WHERE seq IS NOT NULL;
CREATE TABLE IF NOT EXISTS postrider_guards (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS postrider_guards_at ON postrider_guards (at);
CREATE TABLE IF NOT EXISTS postrider_states (
  consumer TEXT NOT NULL,
  message_id TEXT NOT NULL,
  recipient TEXT NOT NULL,
  facts INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (consumer, message_id, recipient)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS postrider_states_at ON postrider_states (at);
CREATE TABLE IF NOT EXISTS postrider_lanes (lane TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;
