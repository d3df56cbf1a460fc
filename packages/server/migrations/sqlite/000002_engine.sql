-- The engine: breakers, order within a message, what may overtake, replays, the feed and its checkpoints.

-- mid: the message, only in lanes ordered by message and only for events that have one.
-- urgent: may overtake opens and clicks (domain/urgency.ts).
-- replay: the replay that put it here. was: its settled.status before that; NULL when it had none.
-- next_at -1: waits for an earlier delivery of the same message in the same lane.
ALTER TABLE pending ADD COLUMN mid INTEGER;
ALTER TABLE pending ADD COLUMN urgent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pending ADD COLUMN replay INTEGER;
ALTER TABLE pending ADD COLUMN was INTEGER;
CREATE INDEX pending_message ON pending (lane, mid, seq) WHERE mid IS NOT NULL;
-- One index for what waits for a time and what is blocked: each index costs every delivery twice.
DROP INDEX pending_retry;
CREATE INDEX pending_waiting ON pending (lane, next_at, seq) WHERE next_at <> 0;
CREATE INDEX pending_urgent ON pending (lane, seq) WHERE urgent = 1;
CREATE INDEX pending_replay ON pending (replay) WHERE replay IS NOT NULL;

-- breaker: closed, open. failing_since: env time of the first failure after the last success, once it is open.
ALTER TABLE endpoint ADD COLUMN breaker TEXT NOT NULL DEFAULT 'closed';
ALTER TABLE endpoint ADD COLUMN failing_since INTEGER;

-- purged_through: the highest seq that retention has deleted from history.
ALTER TABLE lane_seq ADD COLUMN purged_through INTEGER NOT NULL DEFAULT 0;

-- hour: that of the newest event in it, env time, in hours since the epoch.
CREATE TABLE checkpoint (
  lane INTEGER NOT NULL,
  from_seq INTEGER NOT NULL,
  to_seq INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (lane, from_seq)
) STRICT, WITHOUT ROWID;

-- Deliveries that a replay made of events older than their seq tells. place: the log key at which they were made,
-- by which lists order them.
CREATE TABLE late_delivery (
  lane INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  place INTEGER NOT NULL,
  PRIMARY KEY (lane, seq)
) STRICT, WITHOUT ROWID;

-- query: the request as JSON. position, end_position: what is still to be looked at: positions in the log, or seqs of
-- the lane when only dead letters are replayed. skipped: waited already, or gone.
CREATE TABLE replay (
  replay INTEGER PRIMARY KEY AUTOINCREMENT,
  replay_id TEXT NOT NULL UNIQUE,
  env INTEGER NOT NULL,
  lane INTEGER NOT NULL,
  query TEXT NOT NULL,
  status TEXT NOT NULL,
  matched INTEGER NOT NULL,
  queued INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  delivered INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  discarded INTEGER NOT NULL DEFAULT 0,
  position INTEGER NOT NULL,
  end_position INTEGER NOT NULL,
  error TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  finished_at INTEGER
) STRICT;
CREATE INDEX replay_env ON replay (env, replay);
CREATE INDEX replay_running ON replay (replay) WHERE status = 'running';
