import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LiveEvents, type LiveFilter, type LogStore, type Reader } from './live-events.ts';

const ALL: LiveFilter = {
  event_type: null,
  message_id: null,
  recipient: null,
  campaign_id: null,
  tag: null,
  after: null,
  before: null,
};

/** A log of one environment whose reads are answered when the test says so, or at once. */
class FakeLog implements LogStore {
  readonly rows: { log: number; envelope: string }[] = [];
  reads = 0;
  /** Reads see what was committed when they began, and are answered after this. */
  delay: () => Promise<void> = async () => {};

  commit(count: number, make: (n: number) => object = () => ({})): void {
    for (let i = 0; i < count; i++) {
      const n = this.rows.length + 1;
      const event_id = idOf(n);
      this.rows.push({
        log: n,
        envelope: JSON.stringify({ event_id, event_type: 'delivered', tags: [], ...make(n) }),
      });
    }
  }

  async eventsAfter(_env: number, log: number, limit: number): Promise<{ log: number; envelope: string }[]> {
    this.reads++;
    const seen = this.rows.filter((row) => row.log > log).slice(0, limit);
    await this.delay();
    return seen;
  }

  async logPosition(env: number, event_id: string): Promise<number | null> {
    const at = this.rows.findIndex((row) => row.envelope.includes(`"${event_id}"`));
    return at < 0 || env !== 1 ? null : at + 1;
  }

  async logEnd(): Promise<number> {
    return this.rows.length;
  }
}

function idOf(n: number): string {
  return `evt_${String(n).padStart(26, '0')}`;
}

async function read(reader: Reader, count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) ids.push(...(await reader.next()).map((event) => event.event_id));
  return ids;
}

const ids = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => idOf(from + i));

describe('the live stream', () => {
  test('begins now, and waits', async () => {
    const log = new FakeLog();
    const live = new LiveEvents(log);
    log.commit(3);
    const reader = await live.open(1, ALL, null);
    expect(reader.lastSeen()).toBe(idOf(3));
    const next = reader.next();
    log.commit(2);
    live.onCommit({ logs: [{ env: 1, log: 5 }] });
    expect((await next).map((event) => event.event_id)).toEqual(ids(4, 5));
    expect(reader.lastSeen()).toBe(idOf(5));
  });

  test('resumes right after an event, across pages, and goes on live', async () => {
    const log = new FakeLog();
    const live = new LiveEvents(log);
    log.commit(250);
    const reader = await live.open(1, ALL, idOf(7));
    expect(await read(reader, 243)).toEqual(ids(8, 250));
    const next = reader.next();
    log.commit(1);
    live.onCommit({ logs: [{ env: 1, log: 251 }] });
    expect((await next)[0]?.event_id).toBe(idOf(251));
  });

  test("refuses an event that is not in this environment's log", async () => {
    const log = new FakeLog();
    const live = new LiveEvents(log);
    log.commit(1);
    await expect(live.open(1, ALL, idOf(9))).rejects.toMatchObject({ code: 'gone' });
    await expect(live.open(2, ALL, idOf(1))).rejects.toMatchObject({ code: 'gone' });
  });

  test('nothing is missed and nothing doubled, however commits, reads and notices interleave', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 30 }),
        fc.infiniteStream(fc.nat(3)),
        async (commits, turns) => {
          const log = new FakeLog();
          const live = new LiveEvents(log);
          log.delay = async () => {
            for (let left = turns.next().value as number; left > 0; left--) await Promise.resolve();
          };
          const readers = await Promise.all([live.open(1, ALL, null), live.open(1, ALL, null)]);
          const got: string[][] = [[], []];
          const done = readers.map(async (reader, index) => {
            for (let events = await reader.next(); events.length > 0; events = await reader.next())
              got[index]?.push(...events.map((event) => event.event_id));
          });
          for (const count of commits) {
            log.commit(count);
            live.onCommit({ logs: [{ env: 1, log: log.rows.length }] });
            for (let left = turns.next().value as number; left > 0; left--) await Promise.resolve();
          }
          const all = ids(1, log.rows.length);
          await expect.poll(() => got.map((list) => list.length)).toEqual([all.length, all.length]);
          live.close();
          await Promise.all(done);
          expect(got).toEqual([all, all]);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('readers at one place share a read', async () => {
    const log = new FakeLog();
    const live = new LiveEvents(log);
    const readers = await Promise.all(Array.from({ length: 50 }, () => live.open(1, ALL, null)));
    const waiting = readers.map((reader) => reader.next());
    log.commit(1);
    const before = log.reads;
    live.onCommit({ logs: [{ env: 1, log: 1 }] });
    await Promise.all(waiting);
    expect(log.reads - before).toBeLessThanOrEqual(2);
  });

  test.each<[string, Partial<LiveFilter>]>([
    ['type', { event_type: ['bounce', 'open'] }],
    ['message', { message_id: 'msg_1' }],
    ['recipient', { recipient: 'a@example.com' }],
    ['campaign', { campaign_id: 'spring' }],
    ['tag', { tag: 'x' }],
    ['time', { after: Date.UTC(2026, 0, 2), before: Date.UTC(2026, 0, 3) }],
  ])('filters by %s, and remembers what it passed over', async (_name, filter) => {
    const log = new FakeLog();
    const live = new LiveEvents(log);
    const reader = await live.open(1, { ...ALL, ...filter }, null);
    const match = {
      event_type: 'open',
      message_id: 'msg_1',
      recipient: 'a@example.com',
      campaign_id: 'spring',
      tags: ['w', 'x'],
      timestamp: '2026-01-02T00:00:00.000Z',
    };
    const other = {
      ...match,
      event_type: 'accepted',
      message_id: 'msg_2',
      recipient: null,
      campaign_id: null,
      tags: ['y'],
    };
    log.commit(150, () => ({ ...other, timestamp: '2026-01-03T00:00:00.000Z' }));
    log.commit(1, () => match);
    log.commit(1, () => ({ ...other, timestamp: '2026-01-01T23:59:59.999Z' }));
    live.onCommit({ logs: [{ env: 1, log: log.rows.length }] });
    expect(await read(reader, 1)).toEqual([idOf(151)]);
    expect(reader.lastSeen()).toBe(idOf(152));
  });

  test('a reader that is closed ends, even while it waits', async () => {
    const live = new LiveEvents(new FakeLog());
    const reader = await live.open(1, ALL, null);
    const next = reader.next();
    reader.close();
    expect(await next).toEqual([]);
    expect(await reader.next()).toEqual([]);
  });

  test('line breaks between tokens do not end a field', async () => {
    const log = new FakeLog();
    const live = new LiveEvents(log);
    const reader = await live.open(1, ALL, null);
    log.rows.push({ log: 1, envelope: `{"event_id":"${idOf(1)}","data":{\r\n"a":"\\n"}}` });
    live.onCommit({ logs: [{ env: 1, log: 1 }] });
    const [event] = await reader.next();
    expect(event?.envelope).not.toMatch(/[\r\n]/);
    expect(JSON.parse(event?.envelope ?? '')).toMatchObject({ data: { a: '\n' } });
  });
});
