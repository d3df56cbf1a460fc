import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { alerts, type Alert } from '../../src/receiver/alerts.ts';
import type { ReceivedEvent } from '../../src/receiver/event.ts';
import { handlerFor, type HandlerContext, type Handlers } from '../../src/receiver/handlers.ts';
import { ndjsonAppender } from '../../src/receiver/ndjson.ts';
import { suppressionSync, type Suppression } from '../../src/receiver/suppression-sync.ts';
import { event } from './kit.ts';

async function give(handlers: Handlers, it: ReceivedEvent, attempt = 1): Promise<void> {
  const context = {
    event: it,
    state: null,
    previous: null,
    attempt,
    replay: null,
    signal: new AbortController().signal,
    tx: undefined,
  };
  await handlerFor(handlers, it.event_type)?.(context as HandlerContext<never>);
}

describe('suppression sync', () => {
  it('adds who must not be mailed, and nobody for a bounce that was not theirs or was played in a sandbox', async () => {
    const added: Suppression[] = [];
    const removed: string[] = [];
    const handlers = suppressionSync({
      add: (it) => void added.push(it),
      remove: ({ address }) => void removed.push(address),
    });
    await give(
      handlers,
      event({ event_type: 'bounce', data: { suppressed: true }, recipient: 'a@example.com' }),
    );
    await give(handlers, event({ event_type: 'bounce', data: { suppressed: false } }));
    await give(handlers, event({ event_type: 'soft_bounce' }));
    await give(handlers, event({ event_type: 'complaint', environment: 'sandbox' }));
    await give(handlers, event({ event_type: 'complaint', recipient: 'b@example.com' }));
    await give(handlers, event({ event_type: 'unsubscribe', recipient: null }));
    await give(
      handlers,
      event({ event_type: 'suppression.added', data: { address: 'c@example.com', reason: 'manual' } }),
    );
    await give(handlers, event({ event_type: 'suppression.removed', data: { address: 'c@example.com' } }));
    expect(added.map(({ address, reason }) => [address, reason])).toEqual([
      ['a@example.com', 'bounce'],
      ['b@example.com', 'complaint'],
      ['c@example.com', 'manual'],
    ]);
    expect(removed).toEqual(['c@example.com']);
  });
});

describe('alerts', () => {
  it('tell once of a bounce rate over five percent, again after it was kept, and of every complaint', async () => {
    const told: Alert[] = [];
    let now = 0;
    const handlers = alerts({ onAlert: (alert) => void told.push(alert), now: () => now });
    const many = async (type: 'delivered' | 'bounce', count: number, attempt = 1): Promise<void> => {
      for (let at = 0; at < count; at++) await give(handlers, event({ event_type: type }), attempt);
    };
    await many('delivered', 95);
    await many('bounce', 5);
    await many('bounce', 5, 2);
    expect(told).toEqual([]);
    await many('bounce', 3);
    expect(told).toEqual([{ kind: 'bounce_rate', rate: 6 / 101, bounced: 6, sent: 101 }]);
    now = 3_600_001;
    await many('delivered', 30);
    await many('bounce', 2);
    expect(told).toHaveLength(2);
    await give(handlers, event({ event_type: 'complaint' }));
    expect(told.at(-1)?.kind).toBe('complaint');
  });

  it('that cannot be told are told on the next attempt', async () => {
    let failures = 1;
    const told: Alert[] = [];
    const handlers = alerts({
      minimum: 1,
      onAlert: (alert) => {
        if (failures-- > 0) throw new Error('pager unavailable');
        told.push(alert);
      },
    });
    const bounce = event({ event_type: 'bounce' });
    await expect(give(handlers, bounce)).rejects.toThrow('pager unavailable');
    await give(handlers, bounce, 2);
    expect(told).toMatchObject([{ bounced: 1, sent: 1 }]);
  });
});

describe('the NDJSON file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'postrider-ndjson-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('has every event on a line of its own, also after a line that a crash cut short', async () => {
    const path = join(folder, 'events.ndjson');
    appendFileSync(path, '{"cut":');
    const events = Array.from({ length: 50 }, () => event());
    const appender = ndjsonAppender(path);
    await Promise.all(events.map((it) => appender.handler({ event: it } as HandlerContext<never>)));
    await appender.close();
    const [cut, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(cut).toBe('{"cut":');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(events);
  });

  it('fails the handler when it cannot be written, and works when it can', async () => {
    const appender = ndjsonAppender(join(folder, 'none', 'events.ndjson'));
    await expect(appender.handler({ event: event() } as HandlerContext<never>)).rejects.toThrow(/ENOENT/);
    await appender.close();
  });
});
