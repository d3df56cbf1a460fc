/** What the conformance suite works with: a store that can be closed and opened again, and things to put in. */

import { newId } from '../../base/ids.ts';
import { NO_LABELS, labelsJson, type NewEvent } from '../../domain/event.ts';
import type { NewMessage, NewRecipient } from '../../domain/message.ts';
import type { Attempt } from '../../domain/delivery.ts';
import { zstdCompressSync } from 'node:zlib';
import type {
  CommitNotice,
  EventFilter,
  NewEndpoint,
  Replay,
  ReplayQuery,
  Settlement,
  Store,
} from '../ports.ts';

/** An adapter under test: a place that survives closing. */
export interface StorePlace {
  open(): Promise<Store>;
  /** Removes everything. */
  destroy(): Promise<void>;
}

export interface Tenant {
  live: number;
  sandbox: number;
  project_id: string;
}

export class World {
  readonly store: Store;
  readonly notices: CommitNotice[] = [];

  constructor(store: Store) {
    this.store = store;
    store.onCommit((notice) => this.notices.push(notice));
  }

  async tenant(name = newId('prj')): Promise<Tenant> {
    const { project, environments } = await this.store.createProject(
      { project_id: newId('prj'), name, created_at: Date.now() },
      null,
    );
    const env = (wanted: string): number => environments.find((e) => e.name === wanted)?.env ?? -1;
    return { live: env('live'), sandbox: env('sandbox'), project_id: project.project_id };
  }

  /** An endpoint whose lane is live, as the publisher makes it at start. */
  async endpoint(
    env: number,
    settings: Partial<NewEndpoint> = {},
  ): Promise<{ lane: number; endpoint_id: string }> {
    const { endpoint } = await this.store.createEndpoint(newEndpoint(env, settings), null);
    await this.store.loadFresh(endpoint.lane, 0, 10);
    return { lane: endpoint.lane, endpoint_id: endpoint.endpoint_id };
  }

  /** `lane:seq event_type` of all deliveries told in notices so far. */
  told(): string[] {
    return this.notices.flatMap((notice) =>
      notice.lanes.flatMap(({ lane, items }) =>
        items.map(({ seq, event }) => `${lane}:${seq} ${notice.events[event]?.event_type}`),
      ),
    );
  }
}

/** Covers everything in the lanes of an environment with checkpoints, as maintenance does before retention. */
export async function sealLanes(world: World, env: number): Promise<void> {
  for (const lane of await world.store.lanesOf(env)) {
    const last = await world.store.lastCheckpoint(lane);
    const { last_seq, purged_through } = await world.store.readLane(lane, 0, 1);
    const from_seq = Math.max(last?.to_seq ?? 0, purged_through) + 1;
    if (from_seq > last_seq) continue;
    await world.store.addCheckpoints(lane, [{ from_seq, to_seq: last_seq, hour: 0, digest: 'd' }]);
  }
}

export interface Bench {
  world: World;
  /** Closes and opens again, as a restart does. */
  restart(): Promise<void>;
}

export const FIRST_PAGE = { limit: 100, cursor: null } as const;
export const NO_EVENT_FILTER: EventFilter = {
  event_type: null,
  message_id: null,
  recipient: null,
  campaign_id: null,
  tag: null,
  after: null,
  before: null,
};
export const NO_DELIVERY_FILTER = {
  status: null,
  endpoint_id: null,
  event_id: null,
  message_id: null,
  after: null,
  before: null,
} as const;
export const NO_MESSAGE_FILTER = {
  recipient: null,
  status: null,
  tag: null,
  campaign_id: null,
  after: null,
  before: null,
  q: null,
} as const;

export function newEndpoint(env: number, settings: Partial<NewEndpoint> = {}): NewEndpoint {
  return {
    endpoint_id: newId('end'),
    env,
    url: 'https://app.example/hooks',
    description: '',
    event_types: [],
    filter: null,
    dialect: 'postrider',
    headers: {},
    retry_schedule: [30, 300],
    timeout_ms: 10_000,
    max_in_flight: 4,
    rate_limit: null,
    ordering: 'none',
    batch: null,
    secret_sealed: 'sealed',
    created_at: Date.now(),
    ...settings,
  };
}

export function customEvent(type = 'custom.order', fields: Partial<NewEvent> = {}): NewEvent {
  return {
    event_id: newId('evt'),
    event_type: type,
    at: Date.now(),
    message_id: null,
    recipient: null,
    data: '{"n":1}',
    labels: NO_LABELS,
    campaign_id: null,
    ...fields,
  };
}

export function newMessage(env: number, addresses: string[], fields: Partial<NewMessage> = {}): NewMessage {
  const mime = Buffer.from('From: a@example.com\r\nSubject: hello\r\n\r\nhello\r\n');
  return {
    message_id: newId('msg'),
    env,
    via: 'api',
    from: 'sender@example.com',
    subject: 'hello',
    stream: 'transactional',
    labels: labelsJson(['t1'], { k: 'v' }, 'camp'),
    tags: ['t1'],
    metadata: { k: 'v' },
    campaign_id: 'camp',
    size: mime.length,
    created_at: Date.now(),
    send_at: null,
    expires_at: null,
    options: '{}',
    raw: zstdCompressSync(mime),
    recipients: addresses.map((address): NewRecipient => ({
      address,
      role: 'to',
      event_id: newId('evt'),
      drop: null,
    })),
    ...fields,
  };
}

/** A mail event as the record stage makes it: labels come from the message. */
export function mailEvent(type: string, message_id: string, recipient: string, data: object = {}): NewEvent {
  return {
    event_id: newId('evt'),
    event_type: type,
    at: Date.now(),
    message_id,
    recipient,
    data: JSON.stringify(data),
    labels: null,
    campaign_id: null,
  };
}

export function attempt(fields: Partial<Attempt> = {}): Attempt {
  return {
    attempt: 1,
    at: Date.now(),
    status: 200,
    latency_ms: 3.5,
    error: null,
    error_detail: null,
    response_excerpt: null,
    ...fields,
  };
}

export function delivered(lane: number, seq: number, fields: Partial<Attempt> = {}): Settlement {
  return { lane, seq, attempt: attempt(fields), verdict: 'delivered', next_at: null, events: [] };
}

export function failedOnce(lane: number, seq: number, next_at: number, n = 1): Settlement {
  return {
    lane,
    seq,
    attempt: attempt({ attempt: n, status: 500, error: 'http', response_excerpt: 'no' }),
    verdict: 'retry',
    next_at,
    events: [],
  };
}

export function deadLettered(lane: number, seq: number, n = 6, events: NewEvent[] = []): Settlement {
  return {
    lane,
    seq,
    attempt: attempt({ attempt: n, status: 500, error: 'http' }),
    verdict: 'failed',
    next_at: null,
    events,
  };
}

/** A round of retention. Only what checkpoints cover may go. */
export async function purgeAll(world: World, env: number, before: number, dead = 0): Promise<void> {
  const policy = { events_before: before, dead_letters_before: dead, raw_before: before };
  for (let round = 0; round < 50; round++) if ((await world.store.purge(env, policy, 3)) === 0) return;
  throw new Error('purge does not come to an end');
}

export const EVERYTHING: ReplayQuery = {
  status: 'all',
  event_types: null,
  after: null,
  before: null,
  recipient: null,
  message_id: null,
  campaign_id: null,
  rate: null,
};

/** A replay that is begun as the publish stage begins it, with nothing queued yet. */
export async function newReplay(
  world: World,
  env: number,
  lane: number,
  query: Partial<ReplayQuery> = {},
): Promise<Replay> {
  const whole = { ...EVERYTHING, ...query };
  const end = await world.store.replayEnd(env, lane, whole.status);
  const replay_id = newId('rpl');
  const matched = (await allMatches(world, env, lane, whole, end)).length;
  const made = { replay_id, env, lane, query: whole, matched, end, created_at: Date.now() };
  return (await world.store.createReplay(made, 10, null)).replay;
}

export async function allMatches(
  world: World,
  env: number,
  lane: number,
  query: ReplayQuery,
  end: number,
): Promise<number[]> {
  const items: number[] = [];
  for (let at = 0; at < end;) {
    const slice = await world.store.findReplayable(env, lane, query, at, end, 3);
    items.push(...slice.items);
    at = slice.through;
  }
  return items;
}

/** Queues all that a replay matches, `chunk` at a time. */
export async function replayAll(world: World, begun: Replay, chunk = 100): Promise<Replay> {
  let replay = begun;
  while (replay.position < replay.end) {
    const { env, lane, query, position, end } = replay;
    const slice = await world.store.findReplayable(env, lane, query, position, end, chunk);
    replay = await world.store.queueReplay(replay.replay_id, position, slice);
  }
  return replay;
}
