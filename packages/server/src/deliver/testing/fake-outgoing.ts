/** The deliverer's part of the store in memory, with the faults a test asks for. */

import type { OutgoingRecipient } from '../../domain/message.ts';
import type { Environment } from '../../domain/tenancy.ts';
import type { DeliverStore } from '../deliverer.ts';

interface Row extends OutgoingRecipient {
  held: boolean;
}

export function sandbox(env: number): Environment {
  return { env, project_id: 'prj_1', name: 'sandbox', clock_offset_ms: 0 };
}

export class FakeOutgoing implements DeliverStore {
  readonly rows = new Map<number, Row>();
  readonly environments: Environment[];
  /** Recipients held at once, at most so far. */
  mostHeld = 0;
  claims = 0;
  /** The next so many claims fail. */
  failClaims = 0;
  #last = 0;

  constructor(envs: readonly number[]) {
    this.environments = envs.map(sandbox);
  }

  add(env: number, recipient: string, more: Partial<OutgoingRecipient> = {}): Row {
    const outgoing = ++this.#last;
    const row: Row = {
      outgoing,
      env,
      message_id: `msg_${String(outgoing).padStart(26, '0')}`,
      recipient,
      from: 'a@example.com',
      stream: 'transactional',
      size: 100,
      accepted_at: 0,
      expires_at: null,
      attempts: 0,
      next_at: 0,
      held: false,
      ...more,
    };
    this.rows.set(outgoing, row);
    return row;
  }

  async listEnvironments(): Promise<Environment[]> {
    return this.environments;
  }

  async claimOutgoing(env: number, now: number, limit: number): Promise<OutgoingRecipient[]> {
    this.claims++;
    if (this.failClaims-- > 0) throw new Error('no claim');
    await Promise.resolve();
    const due = [...this.rows.values()]
      .filter((row) => row.env === env && !row.held && row.next_at <= now)
      .sort((a, b) => a.next_at - b.next_at || a.outgoing - b.outgoing)
      .slice(0, limit);
    for (const row of due) row.held = true;
    this.mostHeld = Math.max(this.mostHeld, [...this.rows.values()].filter((row) => row.held).length);
    return due.map(({ held: _held, ...item }) => item);
  }

  async nextOutgoingAt(env: number): Promise<number | null> {
    const times = [...this.rows.values()].filter((row) => row.env === env && !row.held);
    return times.reduce<number | null>((a, b) => (a === null || b.next_at < a ? b.next_at : a), null);
  }

  /** What `recordOutcomes` does to the queue. */
  finish(outgoing: number, next_at: number | null, counts: boolean): void {
    const row = this.rows.get(outgoing);
    if (row === undefined || !row.held) throw new Error(`recipient ${outgoing} is not held`);
    if (next_at === null) this.rows.delete(outgoing);
    else Object.assign(row, { next_at, attempts: row.attempts + (counts ? 1 : 0), held: false });
  }
}
