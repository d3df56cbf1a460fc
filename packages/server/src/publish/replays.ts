/** Replays over the API: begun, counted, shown, cancelled. `ReplayRunner` carries them out. */

import type { ReplayAccepted, ReplayCreateBody, ReplayObject } from '@postrider/contract/schemas/replay';
import type { EnvironmentClocks } from '../base/clock.ts';
import { newId } from '../base/ids.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { notFound, PostriderError } from '../domain/errors.ts';
import type { Environment } from '../domain/tenancy.ts';
import type {
  Idempotency,
  Idempotent,
  NewReplay,
  Page,
  PageRequest,
  Replay,
  ReplayQuery,
  ReplaySlice,
} from '../store/ports.ts';
import { replayObject, replayQuery } from './replay-input.ts';
import { Slots } from './slots.ts';

export interface ReplayServiceStore {
  getEndpoint(env: number, endpoint_id: string): Promise<Endpoint | null>;
  replayEnd(env: number, lane: number, status: ReplayQuery['status']): Promise<number>;
  findReplayable(
    env: number,
    lane: number,
    query: ReplayQuery,
    after: number,
    end: number,
    limit: number,
  ): Promise<ReplaySlice>;
  createReplay(
    replay: NewReplay,
    most: number,
    idempotency: Idempotency | null,
  ): Promise<Idempotent<{ replay: Replay }>>;
  getReplay(env: number, replay_id: string): Promise<Replay | null>;
  listReplays(env: number, page: PageRequest): Promise<Page<Replay>>;
  endReplay(replay_id: string, status: 'cancelled', error: null): Promise<Replay>;
}

export interface ReplaysParts {
  store: ReplayServiceStore;
  clocks: EnvironmentClocks;
  /** Carries out what was begun, and takes back what was cancelled. */
  runner: { take(replay: Replay): void };
  /** Running at once in one environment: `publish.max_replays`. */
  maxRunning: number;
}

/** Counts under way at once: each reads as much of a log as there is. */
const COUNTS = { most: 16, mostOfOne: 4 };
const COUNT_SLICE = 5_000;

export class Replays {
  readonly #parts: ReplaysParts;
  readonly #counts = new Slots(COUNTS);

  constructor(parts: ReplaysParts) {
    this.#parts = parts;
  }

  /** `body` fits its schema. A dry run counts what the real one would find, and keeps nothing. */
  async create(
    environment: Environment,
    body: ReplayCreateBody,
    idempotency: Idempotency | null,
  ): Promise<ReplayAccepted> {
    const { store, clocks, runner, maxRunning } = this.#parts;
    const { env } = environment;
    const query = replayQuery(body);
    const endpoint = await store.getEndpoint(env, body.endpoint_id);
    if (endpoint === null) throw notFound('endpoint', body.endpoint_id);
    const end = await store.replayEnd(env, endpoint.lane, query.status);
    const matched = await this.#counts.hold(env, 'replays are being counted', () =>
      this.#count(env, endpoint.lane, query, end),
    );
    if (body.dry_run === true) return { replay_id: null, matched, status: 'dry_run' };
    const created_at = clocks.now(env);
    const begun = { replay_id: newId('rpl'), env, lane: endpoint.lane, query, matched, end, created_at };
    const { replay } = await store.createReplay(begun, maxRunning, idempotency);
    runner.take(replay);
    return { replay_id: replay.replay_id, matched: replay.matched, status: replay.status };
  }

  async list(environment: Environment, page: PageRequest): Promise<Page<ReplayObject>> {
    const { data, next_cursor } = await this.#parts.store.listReplays(environment.env, page);
    return { data: data.map(replayObject), next_cursor };
  }

  async get(environment: Environment, replay_id: string): Promise<ReplayObject> {
    return replayObject(await this.#find(environment, replay_id));
  }

  /** Nothing more is queued; what was queued and has not arrived goes back to what it was. */
  async cancel(environment: Environment, replay_id: string): Promise<ReplayObject> {
    const { status } = await this.#find(environment, replay_id);
    if (status !== 'running')
      throw new PostriderError('conflict', `The replay is ${status}; only a running one can be cancelled.`);
    const replay = await this.#parts.store.endReplay(replay_id, 'cancelled', null);
    if (replay.status !== 'cancelled')
      throw new PostriderError('conflict', `The replay is ${replay.status} by now.`);
    this.#parts.runner.take(replay);
    return replayObject(replay);
  }

  async #find({ env }: Environment, replay_id: string): Promise<Replay> {
    const replay = await this.#parts.store.getReplay(env, replay_id);
    if (replay === null) throw notFound('replay', replay_id);
    return replay;
  }

  async #count(env: number, lane: number, query: ReplayQuery, end: number): Promise<number> {
    const { store } = this.#parts;
    let matched = 0;
    for (let at = 0; at < end;) {
      const { items, through } = await store.findReplayable(env, lane, query, at, end, COUNT_SLICE);
      matched += items.length;
      at = through;
    }
    return matched;
  }
}
