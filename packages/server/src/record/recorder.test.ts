import { describe, expect, it } from 'vitest';
import { PostriderError } from '../domain/errors.ts';
import type { OutgoingRecipient } from '../domain/message.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { OutcomeRecord } from '../store/ports.ts';
import { Recorder, type RecorderStore } from './recorder.ts';

const OK: Outcome = { kind: 'delivered', smtp_response: '250 OK', server: 'mx.test' };

function item(outgoing: number): OutgoingRecipient {
  return {
    outgoing,
    env: 1,
    message_id: 'msg_1',
    recipient: 'ann@example.com',
    from: 'bob@example.com',
    stream: 'transactional',
    size: 10,
    accepted_at: 0,
    expires_at: null,
    attempts: 0,
    next_at: 0,
  };
}

/** Calls wait until the test answers them. */
class SlowStore implements RecorderStore {
  readonly calls: { batch: number[]; resolve: () => void; reject: (error: Error) => void }[] = [];

  async recordOutcomes(outcomes: OutcomeRecord[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.calls.push({ batch: outcomes.map(({ outgoing }) => outgoing), resolve, reject });
    return promise;
  }
}

function recorder(store: RecorderStore, maxBatch?: number): Recorder {
  return new Recorder({
    store,
    clocks: { now: () => 1_000 },
    schedule: [60],
    ...(maxBatch === undefined ? {} : { maxBatch }),
  });
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('recorder', () => {
  it('keeps one call in flight and sends together what finishes meanwhile', async () => {
    const store = new SlowStore();
    const it = recorder(store);
    const first = it.outcome(item(1), 1, OK);
    await turn();
    const rest = [2, 3, 4].map(async (n) => it.outcome(item(n), 1, OK));
    await turn();
    expect(store.calls.map(({ batch }) => batch)).toEqual([[1]]);
    store.calls[0]?.resolve();
    expect(await first).toEqual({ next_at: null });
    await turn();
    expect(store.calls.map(({ batch }) => batch)).toEqual([[1], [2, 3, 4]]);
    store.calls[1]?.resolve();
    await Promise.all(rest);
  });

  it('settles an outcome after its commit only', async () => {
    const store = new SlowStore();
    let settled = false;
    const recording = recorder(store);
    const outcome = (async () => {
      await recording.outcome(item(1), 1, OK);
      settled = true;
    })();
    await turn();
    expect(settled).toBe(false);
    store.calls[0]?.resolve();
    await outcome;
    expect(settled).toBe(true);
  });

  it('bounds a batch', async () => {
    const sizes: number[] = [];
    const store: RecorderStore = {
      async recordOutcomes(outcomes) {
        sizes.push(outcomes.length);
      },
    };
    const it = recorder(store, 10);
    await Promise.all(Array.from({ length: 25 }, async (_, n) => it.outcome(item(n), 1, OK)));
    expect(sizes).toEqual([10, 10, 5]);
  });

  it('keeps the neighbours of an outcome that the store refuses', async () => {
    const kept: number[] = [];
    const store: RecorderStore = {
      async recordOutcomes(outcomes) {
        if (outcomes.some(({ outgoing }) => outgoing === 2)) throw new PostriderError('not_found', 'gone');
        kept.push(...outcomes.map(({ outgoing }) => outgoing));
      },
    };
    const it = recorder(store);
    const results = await Promise.allSettled([1, 2, 3].map(async (n) => it.outcome(item(n), 1, OK)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(kept).toEqual([1, 3]);
  });

  it('does not try one by one while the store is down, and works again afterwards', async () => {
    let down = true;
    let calls = 0;
    const store: RecorderStore = {
      async recordOutcomes() {
        calls++;
        if (down) throw new PostriderError('storage_unavailable', 'disk full');
      },
    };
    const it = recorder(store);
    const results = await Promise.allSettled([1, 2, 3].map(async (n) => it.outcome(item(n), 1, OK)));
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    expect(calls).toBe(1);
    down = false;
    expect(await it.outcome(item(1), 1, OK)).toEqual({ next_at: null });
  });

  it('tells when the recipient is due again', async () => {
    const store: RecorderStore = { async recordOutcomes() {} };
    const outcome: Outcome = { kind: 'later', after_ms: 500, counts: false };
    expect(await recorder(store).outcome(item(1), 1, outcome)).toEqual({ next_at: 1_500 });
  });
});
