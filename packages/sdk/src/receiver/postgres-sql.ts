/** The tables and statements of the PostgreSQL store. Events are text, not `jsonb`: they come back as they went in, NUL escapes included. */

export const PRUNE_STEP = 5_000;

export const SCHEMA = `
CREATE TABLE IF NOT EXISTS postrider_jobs (
  position bigint GENERATED ALWAYS AS IDENTITY,
  id text NOT NULL,
  consumer text NOT NULL,
  status text NOT NULL,
  attempt integer NOT NULL DEFAULT 0,
  due_at bigint,
  at bigint NOT NULL,
  reason text NOT NULL DEFAULT '',
  lane text NOT NULL DEFAULT '',
  seq bigint,
  order_key text,
  replay text,
  event text,
  raw text,
  PRIMARY KEY (id, consumer)
);
CREATE INDEX IF NOT EXISTS postrider_jobs_due ON postrider_jobs (due_at, position) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS postrider_jobs_order ON postrider_jobs (consumer, order_key, position) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS postrider_jobs_settled ON postrider_jobs (status, at) WHERE due_at IS NULL;
CREATE INDEX IF NOT EXISTS postrider_jobs_seq ON postrider_jobs (lane, seq) WHERE seq IS NOT NULL;
CREATE TABLE IF NOT EXISTS postrider_guards (id text PRIMARY KEY, at bigint NOT NULL);
CREATE INDEX IF NOT EXISTS postrider_guards_at ON postrider_guards (at);
CREATE TABLE IF NOT EXISTS postrider_states (
  consumer text NOT NULL,
  message_id text NOT NULL,
  recipient text NOT NULL,
  facts integer NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (consumer, message_id, recipient)
);
CREATE INDEX IF NOT EXISTS postrider_states_at ON postrider_states (at);
CREATE TABLE IF NOT EXISTS postrider_lanes (lane text PRIMARY KEY, state text NOT NULL);
`;

export const LOCK = 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))';
export const INSERT_GUARD = 'INSERT INTO postrider_guards (id, at) VALUES ($1, $2) ON CONFLICT DO NOTHING';
/** The identity is drawn in the order of the sort, so an event's place within its batch is kept by taking it first. */
export const INSERT_JOBS = `
WITH given AS (
  SELECT u.*, nextval(pg_get_serial_sequence('postrider_jobs', 'position')) AS position FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[]
  ) WITH ORDINALITY AS u (id, consumer, lane, seq, order_key, replay, event, place)
)
INSERT INTO postrider_jobs (position, id, consumer, status, due_at, at, lane, seq, order_key, replay, event)
OVERRIDING SYSTEM VALUE
SELECT position, id, consumer, 'ready', $8::bigint, $8::bigint, lane, seq, order_key, replay, event
FROM given ORDER BY id, consumer, place
ON CONFLICT DO NOTHING RETURNING id, consumer`;
export const INSERT_UNUSABLE = `INSERT INTO postrider_jobs (id, consumer, status, at, reason, raw)
  VALUES ($1, '', 'dead', $2, $3, $4) ON CONFLICT DO NOTHING`;

export const ANY_DUE =
  'SELECT 1 FROM postrider_jobs WHERE due_at <= $1 AND consumer = ANY($2::text[]) LIMIT 1';
export const TAKE = take('');
export const TAKE_ORDERED = take(`AND (order_key IS NULL OR NOT EXISTS (
    SELECT 1 FROM postrider_jobs a WHERE a.due_at IS NOT NULL AND a.consumer = j.consumer AND a.order_key = j.order_key
      AND (a.position < j.position OR (a.status = 'taken' AND a.due_at > $1 AND a.position <> j.position))))`);

function take(condition: string): string {
  return `
WITH due AS (
  SELECT j.id, j.consumer FROM postrider_jobs j WHERE due_at <= $1 AND consumer = ANY($3::text[]) ${condition}
  ORDER BY due_at, position LIMIT $4 FOR UPDATE SKIP LOCKED
)
UPDATE postrider_jobs t SET status = 'taken', attempt = attempt + 1, due_at = $2
FROM due WHERE t.id = due.id AND t.consumer = due.consumer
RETURNING t.position, t.id, t.consumer, t.attempt, t.lane, t.order_key, t.replay, t.event`;
}

const MINE = `WHERE id = $1 AND consumer = $2 AND attempt = $3 AND status = 'taken'`;
export const DONE = `UPDATE postrider_jobs SET status = 'done', due_at = NULL, at = $4, event = NULL, reason = '' ${MINE}`;
export const RETRY = `UPDATE postrider_jobs SET status = 'ready', due_at = $4, reason = $5 ${MINE}`;
export const BURY = `UPDATE postrider_jobs SET status = 'dead', due_at = NULL, at = $4, reason = $5 ${MINE}`;

export const FACTS =
  'SELECT facts FROM postrider_states WHERE consumer = $1 AND message_id = $2 AND recipient = $3';
export const KEEP_FACTS = `INSERT INTO postrider_states AS s (consumer, message_id, recipient, facts, at)
  VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (consumer, message_id, recipient) DO UPDATE SET facts = s.facts | excluded.facts, at = excluded.at`;

export const LETTERS = `SELECT id, consumer, reason, attempt, at, event, raw FROM postrider_jobs
  WHERE status = 'dead' AND due_at IS NULL AND ($1::text IS NULL OR consumer = $1)
    AND ($2::bigint IS NULL OR (at, id, consumer) < ($2, $3::text, $4::text))
  ORDER BY at DESC, id DESC, consumer DESC LIMIT $5`;
const NAMED =
  'FROM unnest($1::text[], $2::text[]) AS l (id, consumer) WHERE j.id = l.id AND j.consumer = l.consumer';
export const REDRIVE = `UPDATE postrider_jobs j SET status = 'ready', attempt = 0, due_at = $3, reason = ''
  ${NAMED} AND j.status = 'dead' AND j.event IS NOT NULL`;
export const DISCARD = `UPDATE postrider_jobs j SET status = 'done', event = NULL, raw = NULL ${NAMED} AND j.status = 'dead'`;

export const SEQS =
  'SELECT DISTINCT seq FROM postrider_jobs WHERE lane = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq LIMIT $4';
export const SET_LANE =
  'INSERT INTO postrider_lanes (lane, state) VALUES ($1, $2) ON CONFLICT (lane) DO UPDATE SET state = excluded.state';
export const COUNTS = `SELECT status, count(*) AS count FROM postrider_jobs WHERE due_at IS NOT NULL GROUP BY status
  UNION ALL SELECT 'dead', count(*) FROM postrider_jobs WHERE status = 'dead' AND due_at IS NULL`;

export const PRUNES = [
  [pruneJobs('done'), 'done'],
  [pruneJobs('dead'), 'dead'],
  [
    'DELETE FROM postrider_guards WHERE id IN (SELECT id FROM postrider_guards WHERE at < $1 LIMIT $2)',
    'done',
  ],
  [
    `DELETE FROM postrider_states WHERE (consumer, message_id, recipient) IN
      (SELECT consumer, message_id, recipient FROM postrider_states WHERE at < $1 LIMIT $2)`,
    'states',
  ],
] as const;

function pruneJobs(status: 'done' | 'dead'): string {
  return `DELETE FROM postrider_jobs WHERE (id, consumer) IN (SELECT id, consumer FROM postrider_jobs
    WHERE status = '${status}' AND due_at IS NULL AND at < $1 LIMIT $2)`;
}
