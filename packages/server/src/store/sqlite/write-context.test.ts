import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../../base/ids.ts';
import { customEvent, deadLettered, newEndpoint } from '../conformance/harness.ts';
import type { EndpointChange } from '../ports.ts';
import { Changes } from './changes.ts';

import { advanceClock, createProject } from './commands/access.ts';
import { createEndpoint, updateEndpoint } from './commands/endpoints.ts';
import { recordEvents } from './commands/events.ts';
import { expireHeld } from './commands/held.ts';
import { purge } from './commands/purge.ts';
import { settle } from './commands/settling.ts';
import { addSuppressions } from './commands/suppressions.ts';
import { migrate, openForWriting } from './database.ts';
import { QUEUED_PER_COMMIT, WriteContext } from './write-context.ts';

let dir: string;
let db: DatabaseSync;
let context: WriteContext;
let live: number;
let sandbox: number;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'postrider-context-'));
  db = openForWriting(join(dir, 'test.db'), 4);
  migrate(db);
  context = new WriteContext(db);
  run(() => {
    const project = { project_id: newId('prj'), name: 'shop', created_at: 1 };
    const { environments } = createProject(context, project, null);
    [live, sandbox] = environments.map(({ env }) => env) as [number, number];
    for (const env of [live, sandbox])
      createEndpoint(context, newEndpoint(env, { event_types: ['*'] }), null);
  });
});
afterEach(() => {
  db.close();
  rmSync(dir, { recursive: true, force: true });
});

/** One command in its transaction, as the writer runs it. */
function run(command: () => void): void {
  context.changes = new Changes();
  context.queued = 0;
  db.exec('BEGIN IMMEDIATE');
  try {
    command();
    context.flush();
    db.exec('COMMIT');
    context.committed();
  } catch (error) {
    context.forget(0);
    db.exec('ROLLBACK');
    throw error;
  }
}

const emit = (env: number, fields = {}): void =>
  run(() => void recordEvents(context, env, [customEvent(), customEvent('custom.b', fields)], null));
const column = (sql: string): unknown[] =>
  db
    .prepare(sql)
    .all()
    .map((row) => Object.values(row)[0]);

it('takes back what a refused command moved, and keeps what it knows of the environments', () => {
  emit(live);
  emit(sandbox);
  const known = [context.environment(live), context.environment(sandbox)];
  expect(() => emit(live, { message_id: newId('msg') })).toThrow(/no message/i);
  expect([context.environment(live), context.environment(sandbox)]).toEqual(known);
  expect(context.environment(live)).toBe(known[0]);
  expect(context.environment(sandbox)).toBe(known[1]);
  expect(context.environment(live).logEnd).toBe(2);
  emit(live);
  expect(column('SELECT seq FROM pending WHERE lane = 1 ORDER BY seq')).toEqual([1, 2, 3, 4]);
  expect(column('SELECT sum(n) FROM counter')).toEqual([6]);
});

it('does not believe what it read of a change that did not last', () => {
  const { endpoint_id } = db.prepare('SELECT endpoint_id FROM endpoint WHERE env = ?').get(live) as {
    endpoint_id: string;
  };
  expect(() =>
    run(() => {
      updateEndpoint(context, live, endpoint_id, { event_types: ['custom.c'], updated_at: 2 });
      expect(context.environment(live).subscriptions.wanting('custom.b')).toHaveLength(0);
      throw new Error('refused');
    }),
  ).toThrow('refused');
  expect(context.environment(live).subscriptions.wanting('custom.b')).toHaveLength(1);
});

it('reads the rules anew only when one of them changes, and compiles that one alone', () => {
  const { endpoint_id } = db.prepare('SELECT endpoint_id FROM endpoint WHERE env = ?').get(live) as {
    endpoint_id: string;
  };
  const known = context.environment(live);
  const change = (fields: Partial<EndpointChange>): void =>
    run(() => void updateEndpoint(context, live, endpoint_id, { ...fields, updated_at: 2 }));
  change({ breaker: 'open', failing_since: 1 });
  change({ url: 'https://other.example/', headers: { 'x-a': 'b' }, description: 'other' });
  change({ rotate: { secret_sealed: 'new', at: 1, until: null } });
  expect(context.environment(live)).toBe(known);
  run(() => void createEndpoint(context, newEndpoint(live, { event_types: ['custom.b'] }), null));
  const [, second] = context.environment(live).subscriptions.wanting('custom.b');
  expect(second).toBeDefined();
  change({ filter: { 'data.n': 1 } });
  const read = context.environment(live);
  expect(read).not.toBe(known);
  expect(read.subscriptions.wanting('custom.b')[1]).toBe(second);
});

it('moves the clock of what it knows, and back', () => {
  const known = context.environment(live);
  const advance = (env: number, fails: boolean): void =>
    run(() => {
      advanceClock(context, env, 500);
      expect(context.environment(env).clock_offset_ms).toBe(known.clock_offset_ms);
      if (fails) throw new Error('refused');
    });
  advance(live, false);
  expect(context.environment(live)).toBe(known);
  expect(() => advance(live, true)).toThrow('refused');
  expect(context.environment(live)).toBe(known);
  expect(known.clock_offset_ms).toBe(500);
  // Not known before, so read within the transaction.
  context = new WriteContext(db);
  expect(() =>
    run(() => {
      advanceClock(context, sandbox, 500);
      expect(context.environment(sandbox).clock_offset_ms).toBe(500);
      throw new Error('refused');
    }),
  ).toThrow('refused');
  expect(context.environment(sandbox).clock_offset_ms).toBe(0);
});

it('keeps no copy of an environment that it has read anew', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const copies: WeakRef<object>[] = [];
  db.exec('BEGIN IMMEDIATE');
  for (let n = 0; n < 20; n++) {
    context.forgetEnvironment(live);
    recordEvents(context, live, [customEvent()], null);
    copies.push(new WeakRef(context.environment(live)));
    context.flush();
  }
  const kept = (): number => copies.filter((copy) => copy.deref() !== undefined).length;
  const settled = async (): Promise<number> => {
    await new Promise(setImmediate);
    collect();
    return kept();
  };
  await expect.poll(settled).toBeLessThan(3);
  db.exec('ROLLBACK');
  context.forget(0);
  expect(context.environment(live).logEnd).toBe(0);
});

it('purges counters with the events they count, of one environment, in steps', () => {
  for (const env of [live, sandbox]) for (const at of [1, 2]) emit(env, { at: at * 3_600_000 });
  const policy = { events_before: 2 * 3_600_000, dead_letters_before: 0, raw_before: 0 };
  for (let step = 0; step < 50; step++) {
    let looked = 0;
    run(() => (looked = purge(context, live, policy, 1)));
    if (looked === 0) break;
  }
  const old = `SELECT env || ':' || hour FROM counter WHERE event_type = 'custom.b' ORDER BY env, hour`;
  expect(column(old)).toEqual([`${live}:2`, `${sandbox}:1`, `${sandbox}:2`]);
});

it('stores the rest of a batch that a crash has cut in two, once, under the ids of the first call', () => {
  const lanes = 100;
  run(() => {
    for (let n = 1; n < lanes; n++)
      createEndpoint(context, newEndpoint(live, { event_types: ['custom.*'] }), null);
  });
  const total = (2 * QUEUED_PER_COMMIT) / lanes + 1;
  const batch = () => Array.from({ length: total }, () => customEvent());
  const key = { key: 'k', fingerprint: 'f', now: 1 };
  const [first, again] = [batch(), batch()];
  run(() => {
    const part = recordEvents(context, live, first, key);
    expect(part).toMatchObject({ replayed: false, stored: QUEUED_PER_COMMIT / lanes });
  });
  expect(column('SELECT count(*) FROM pending')).toEqual([QUEUED_PER_COMMIT]);
  context = new WriteContext(db);
  let stored = 0;
  for (let part = 1; part <= 2; part++) {
    run(() => {
      const answer = recordEvents(context, live, again.slice(stored), key, stored);
      expect(answer).toMatchObject({ replayed: true, event_ids: first.map((event) => event.event_id) });
      ({ stored } = answer);
    });
  }
  expect(stored).toBe(total);
  expect(column('SELECT event_id FROM event ORDER BY log')).toEqual(first.map((event) => event.event_id));
  expect(column('SELECT DISTINCT last_seq FROM lane_seq')).toEqual([total]);
  run(() => expect(recordEvents(context, live, again, key)).toMatchObject({ replayed: true, stored: total }));
  expect(column('SELECT count(*) FROM event')).toEqual([total]);
});

describe('a commit that is full', () => {
  const LANES = 100;
  const FIT = QUEUED_PER_COMMIT / LANES;
  beforeEach(() => {
    run(() => {
      for (let n = 1; n < LANES; n++)
        createEndpoint(context, newEndpoint(live, { event_types: ['*'] }), null);
    });
  });
  const pendingIn = (lane: number): unknown =>
    column(`SELECT count(*) FROM pending p JOIN event e ON e.log = p.log
            WHERE p.lane = ${lane} AND e.event_type LIKE 'custom.%'`)[0];
  const emitMany = (count: number): void =>
    run(
      () =>
        void recordEvents(
          context,
          live,
          Array.from({ length: count }, () => customEvent()),
          null,
        ),
    );

  it('gives up no more of what is held', () => {
    for (let n = 0; n < 2; n++) emitMany(FIT / 2 + 2);
    const done: number[] = [];
    const expire = (): void =>
      run(() => void done.push(expireHeld(context, 1, Number.MAX_SAFE_INTEGER, FIT + 4, 1)));
    expire();
    // The endpoint itself is not told of its own.
    expect(done[0]).toBeGreaterThanOrEqual(FIT);
    expect(done[0]).toBeLessThan(FIT + 2);
    expire();
    expect(done[0]! + done[1]!).toBe(FIT + 4);
    expect(pendingIn(1)).toBe(0);
  });

  it('settles the rest in another', () => {
    emitMany(FIT / 2);
    const failed = Array.from({ length: FIT / 2 }, (_, n) =>
      deadLettered(1, n + 1, 6, [customEvent('custom.a'), customEvent('custom.a'), customEvent('custom.a')]),
    );
    let settled = 0;
    run(() => (settled = settle(context, failed)));
    expect(settled).toBe(Math.ceil(FIT / 3));
    run(() => (settled += settle(context, failed.slice(settled))));
    expect(settled).toBe(FIT / 2);
    expect(column('SELECT count(*) FROM settled')).toEqual([FIT / 2]);
  });

  it.each([null, { key: 'k', fingerprint: 'f', now: 1 }])('adds the rest of a list in another', (key) => {
    const items = Array.from({ length: FIT + 10 }, (_, n) => ({
      address: `a${n}@x.test`,
      reason: 'manual' as const,
      event_id: newId('evt'),
    }));
    const answers: ReturnType<typeof addSuppressions>[] = [];
    const add = (): void =>
      run(() => {
        const done = key === null ? answers.at(-1)?.data : [];
        answers.push(addSuppressions(context, live, items, 7, key, done));
      });
    for (let n = 0; n < 3; n++) add();
    expect(answers.map(({ data }) => data.length)).toEqual([FIT, FIT + 10, FIT + 10]);
    expect(answers.map(({ replayed }) => replayed)).toEqual([false, key !== null, key !== null]);
    expect(answers[1]?.data.map(({ address }) => address)).toEqual(items.map(({ address }) => address));
    expect(column(`SELECT count(*) FROM event WHERE event_type = 'suppression.added'`)).toEqual([FIT + 10]);
  });
});
