/** The embedded store: one SQLite file, a writer thread, two reader threads, a checkpointer. */

import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { EventEnvelope, SuppressionReason } from '@postrider/contract/events';
import type { Attempt, DueDelivery } from '../../domain/delivery.ts';
import type { Endpoint } from '../../domain/endpoint.ts';
import type { NewEvent } from '../../domain/event.ts';
import type { NewMessage, OutgoingRecipient } from '../../domain/message.ts';
import type { ApiKey, Environment, Project } from '../../domain/tenancy.ts';
import type {
  BulkFilter,
  Checkpoint,
  CommitNotice,
  DeliveryFilter,
  DeliveryPlace,
  DeliveryView,
  EndpointChange,
  EndpointStats,
  EventFilter,
  FeedEvent,
  Idempotency,
  LaneLoad,
  LanePart,
  MessageFilter,
  MessageView,
  NewApiKey,
  NewEndpoint,
  NewReplay,
  OutcomeRecord,
  Page,
  PageRequest,
  QueueDepth,
  Replay,
  ReplayQuery,
  ReplaySlice,
  ReplayStatus,
  RetentionPolicy,
  Settlement,
  Store,
  StoreHealth,
  Suppression,
} from '../ports.ts';
import { Checkpointer } from './checkpointer.ts';
import type { CommandArgs } from './commands.ts';
import { Committer, type CommitterLimits, type RefusedFor } from './committer.ts';
import { DATABASE_FILE } from './database.ts';
import { toNotice } from './notice.ts';
import { Readers } from './readers.ts';

export interface SqliteOptions {
  /** Folder of the database file; made when absent. */
  dir: string;
  writerCacheMb: number;
  readerCacheMb: number;
  walLimitBytes: number;
  /** How long a list may look for what it was asked for, in ms; 5 s when absent. */
  longReadMs?: number;
  limits: CommitterLimits;
  /** Told of every commit: its duration and how many commands it took along. */
  onCommitMeasured?: (milliseconds: number, commands: number) => void;
  /** The store can do nothing more; only a restart of the process helps. */
  onDeath?: (error: Error) => void;
}

/** Longer than any list by an index takes, shorter than callers wait. */
const LONG_READ_MS = 5000;

export class SqliteStore implements Store {
  readonly #path: string;
  readonly #committer: Committer;
  readonly #reader: Readers;
  readonly #checkpointer: Checkpointer;

  private constructor(path: string, committer: Committer, reader: Readers, checkpointer: Checkpointer) {
    this.#path = path;
    this.#committer = committer;
    this.#reader = reader;
    this.#checkpointer = checkpointer;
  }

  /** Opens and migrates. Throws when the file is of a newer release or cannot be written. */
  static async open(options: SqliteOptions): Promise<SqliteStore> {
    mkdirSync(options.dir, { recursive: true, mode: 0o700 });
    const path = join(options.dir, DATABASE_FILE);
    const committer = await Committer.start({ path, cacheMb: options.writerCacheMb }, options.limits);
    committer.onCommit = options.onCommitMeasured ?? (() => {});
    // Without any one of its threads the store is no store: lists fail, or the log grows until the disk is full.
    const died = options.onDeath ?? (() => {});
    committer.onDeath = died;
    const reader = await Readers.start({
      path,
      cacheMb: options.readerCacheMb,
      limitMs: options.longReadMs ?? LONG_READ_MS,
    });
    reader.onDeath = died;
    const checkpointer = await Checkpointer.start(path, options.walLimitBytes, (work) =>
      committer.quietly(work),
    );
    checkpointer.onDeath = died;
    return new SqliteStore(path, committer, reader, checkpointer);
  }

  onCommit(listener: (notice: CommitNotice) => void): void {
    this.#committer.onChanges = (changes) => listener(toNotice(changes));
  }

  /**
   * With a reason: new messages and events are refused with it, until the same one takes it back with null. Results
   * of what is under way are not.
   */
  refuseNew(by: RefusedFor, reason: string | null): void {
    if (reason === null) this.#committer.refusals.delete(by);
    else this.#committer.refusals.set(by, reason);
  }

  async close(): Promise<void> {
    await this.#checkpointer.close();
    await this.#reader.close();
    // Last: closing the last connection moves the rest of the log into the file.
    await this.#committer.close();
  }

  // ---------------------------------------------------------------- access

  createProject(project: Project, idempotency: Idempotency | null) {
    return this.#committer.run('createProject', [project, idempotency]);
  }
  listProjects(): Promise<Project[]> {
    return this.#reader.query('listProjects', []);
  }
  listEnvironments(): Promise<Environment[]> {
    return this.#reader.query('listEnvironments', []);
  }
  createApiKey(key: NewApiKey, idempotency: Idempotency | null) {
    return this.#committer.run('createApiKey', [key, idempotency]);
  }
  listApiKeys(env: number | null, page: PageRequest): Promise<Page<ApiKey>> {
    return this.#reader.query('listApiKeys', [env, page]);
  }
  revokeApiKey(env: number | null, key_id: string, now: number): Promise<ApiKey> {
    return this.#committer.run('revokeApiKey', [env, key_id, now]);
  }
  findApiKey(hash: string): Promise<ApiKey | null> {
    return this.#reader.query('findApiKey', [hash]);
  }
  advanceClock(env: number, by_ms: number): Promise<Environment> {
    return this.#committer.run('advanceClock', [env, by_ms]);
  }

  // ---------------------------------------------------------------- accept, record, deliver

  acceptMessage(message: NewMessage, idempotency: Idempotency | null) {
    const weight = { rows: 2 + 4 * message.recipients.length, bytes: message.raw.byteLength + 2000 };
    return this.#committer.admit('acceptMessage', [message, idempotency], weight);
  }
  async recordEvents(env: number, events: NewEvent[], idempotency: Idempotency | null) {
    const bytes = events.reduce((sum, event) => sum + event.data.length + 300, 0);
    const weight = { rows: 2 * events.length, bytes };
    const first = await this.#committer.admit('recordEvents', [env, events, idempotency], weight);
    const { event_ids, replayed } = first;
    let { stored } = first;
    // The rest of a batch too large for one commit. Twice of what went in before is enough to fill the next.
    for (let step = stored; stored < events.length;) {
      const next = events.slice(stored, stored + 2 * Math.max(1, step));
      const part = await this.#committer.run('recordEvents', [env, next, idempotency, stored], {
        rows: 2 * next.length,
        bytes: 0,
      });
      step = part.stored - stored;
      stored = part.stored;
    }
    return { event_ids, replayed };
  }
  unknownMessages(env: number, message_ids: readonly string[]): Promise<string[]> {
    return this.#reader.query('unknownMessages', [env, message_ids]);
  }
  cancelMessage(env: number, message_id: string, now: number) {
    return this.#committer.run('cancelMessage', [env, message_id, now]);
  }
  async recordOutcomes(outcomes: OutcomeRecord[]): Promise<void> {
    for (let left = outcomes; left.length > 0;) {
      const weight = { rows: 4 * left.length, bytes: 1000 * left.length };
      left = left.slice(await this.#committer.run('recordOutcomes', [left], weight));
    }
  }
  claimOutgoing(env: number, now: number, limit: number): Promise<OutgoingRecipient[]> {
    return this.#committer.run('claimOutgoing', [env, now, limit]);
  }
  nextOutgoingAt(env: number): Promise<number | null> {
    return this.#committer.run('nextOutgoingAt', [env]);
  }

  // ---------------------------------------------------------------- publish

  createEndpoint(endpoint: NewEndpoint, idempotency: Idempotency | null) {
    return this.#committer.run('createEndpoint', [endpoint, idempotency]);
  }
  updateEndpoint(env: number, endpoint_id: string, change: EndpointChange): Promise<Endpoint> {
    return this.#committer.run('updateEndpoint', [env, endpoint_id, change]);
  }
  deleteEndpoint(env: number, endpoint_id: string, now: number): Promise<void> {
    return this.#committer.run('deleteEndpoint', [env, endpoint_id, now]);
  }
  getEndpoint(env: number, endpoint_id: string): Promise<Endpoint | null> {
    return this.#reader.query('getEndpoint', [env, endpoint_id]);
  }
  listEndpoints(env: number, page: PageRequest): Promise<Page<Endpoint>> {
    return this.#reader.query('listEndpoints', [env, page]);
  }
  allEndpoints(): Promise<{ endpoint: Endpoint; pending: number }[]> {
    return this.#reader.query('allEndpoints', []);
  }
  loadFresh(lane: number, after: number, limit: number): Promise<LaneLoad> {
    return this.#committer.run('loadFresh', [lane, after, limit], { rows: limit, bytes: 0 });
  }
  loadInOrder(lane: number, after: number, limit: number): Promise<LaneLoad> {
    return this.#committer.run('loadInOrder', [lane, after, limit], { rows: limit, bytes: 0 });
  }
  loadRetries(lane: number, now: number, limit: number): Promise<LaneLoad> {
    return this.#committer.run('loadRetries', [lane, now, limit], { rows: limit, bytes: 0 });
  }
  nextRetryAt(lane: number, after: number): Promise<number | null> {
    return this.#committer.run('nextRetryAt', [lane, after]);
  }
  loadUrgent(lane: number, after: number, limit: number): Promise<LaneLoad> {
    return this.#committer.run('loadUrgent', [lane, after, limit], { rows: limit, bytes: 0 });
  }
  loadHead(lane: number): Promise<DueDelivery | null> {
    return this.#committer.run('loadHead', [lane]);
  }
  hasBlocked(lane: number): Promise<boolean> {
    return this.#committer.run('hasBlocked', [lane]);
  }
  hastenLane(lane: number, now: number, limit: number): Promise<number> {
    return this.#committer.run('hastenLane', [lane, now, limit], { rows: limit, bytes: 0 });
  }
  expireHeld(lane: number, before: number, limit: number, now: number): Promise<number> {
    return this.#committer.run('expireHeld', [lane, before, limit, now], { rows: 2 * limit, bytes: 0 });
  }
  parkLane(lane: number): void {
    // A store that cannot park cannot commit either: there is nothing the lane could get through a notice.
    this.#committer.run('parkLane', [lane]).catch(() => undefined);
  }
  async settle(settlements: Settlement[]): Promise<void> {
    const { numbers, excerpts, others } = splitSettlements(settlements);
    const weight = { rows: settlements.length, bytes: 300 * settlements.length };
    const done = [];
    if (excerpts.length > 0) done.push(this.#committer.run('settleDelivered', [numbers, excerpts], weight));
    if (others.length > 0) done.push(this.#settleOthers(others));
    await Promise.all(done);
  }
  async #settleOthers(settlements: Settlement[]): Promise<void> {
    for (let left = settlements; left.length > 0;) {
      const weight = { rows: left.length, bytes: 300 * left.length };
      left = left.slice(await this.#committer.run('settle', [left], weight));
    }
  }
  retryDelivery(env: number, lane: number, seq: number): Promise<void> {
    return this.#committer.run('retryDelivery', [env, lane, seq]);
  }
  discardDelivery(env: number, lane: number, seq: number, now: number): Promise<void> {
    return this.#committer.run('discardDelivery', [env, lane, seq, now]);
  }
  discardLane(lane: number, through: number, limit: number, now: number): Promise<number> {
    return this.#committer.run('discardLane', [lane, through, limit, now], { rows: limit, bytes: 0 });
  }

  // ---------------------------------------------------------------- suppressions

  async addSuppressions(
    env: number,
    items: { address: string; reason: SuppressionReason; event_id: string }[],
    at: number,
    idempotency: Idempotency | null,
  ) {
    const weight = { rows: 2 * items.length, bytes: 300 * items.length };
    const first = await this.#committer.admit('addSuppressions', [env, items, at, idempotency], weight);
    let { data } = first;
    while (data.length < items.length) {
      const args: CommandArgs<'addSuppressions'> = [env, items, at, idempotency, data];
      ({ data } = await this.#committer.run('addSuppressions', args, weight));
    }
    return { data, replayed: first.replayed };
  }
  removeSuppression(env: number, address: string, event: NewEvent): Promise<void> {
    return this.#committer.run('removeSuppression', [env, address, event]);
  }
  getSuppression(env: number, address: string): Promise<Suppression | null> {
    return this.#reader.query('getSuppression', [env, address]);
  }
  listSuppressions(
    env: number,
    filter: { reason: SuppressionReason | null; q: string | null },
    page: PageRequest,
  ): Promise<Page<Suppression>> {
    return this.#reader.query('listSuppressions', [env, filter, page]);
  }

  // ---------------------------------------------------------------- query

  getMessage(env: number, message_id: string): Promise<MessageView | null> {
    return this.#reader.query('getMessage', [env, message_id]);
  }
  listMessages(env: number, filter: MessageFilter, page: PageRequest): Promise<Page<MessageView>> {
    return this.#reader.query('listMessages', [env, filter, page]);
  }
  rawMessage(env: number, message_id: string): Promise<Uint8Array | null> {
    return this.#reader.query('rawMessage', [env, message_id]);
  }
  getEvent(env: number, event_id: string): Promise<EventEnvelope | null> {
    return this.#reader.query('getEvent', [env, event_id]);
  }
  listEvents(env: number, filter: EventFilter, page: PageRequest): Promise<Page<EventEnvelope>> {
    return this.#reader.query('listEvents', [env, filter, page]);
  }
  eventsAfter(env: number, log: number, limit: number): Promise<{ log: number; envelope: string }[]> {
    return this.#reader.query('eventsAfter', [env, log, limit]);
  }
  logPosition(env: number, event_id: string): Promise<number | null> {
    return this.#reader.query('findLogPosition', [env, event_id]);
  }
  logEnd(env: number): Promise<number> {
    return this.#reader.query('logEnd', [env]);
  }
  listDeliveries(env: number, filter: DeliveryFilter, page: PageRequest): Promise<Page<DeliveryView>> {
    return this.#reader.query('listDeliveries', [env, filter, page]);
  }
  getDelivery(
    env: number,
    lane: number,
    seq: number,
  ): Promise<{ delivery: DeliveryView; attempts: Attempt[] } | null> {
    return this.#reader.query('getDelivery', [env, lane, seq]);
  }
  endpointStats(lane: number, since: number): Promise<EndpointStats> {
    return this.#reader.query('endpointStats', [lane, since]);
  }

  // ---------------------------------------------------------------- replays, many deliveries at once

  replayEnd(env: number, lane: number, status: ReplayQuery['status']): Promise<number> {
    return this.#reader.query('replayEnd', [env, lane, status]);
  }
  findReplayable(
    env: number,
    lane: number,
    query: ReplayQuery,
    after: number,
    end: number,
    limit: number,
  ): Promise<ReplaySlice> {
    return this.#reader.query('findReplayable', [env, lane, query, after, end, limit]);
  }
  createReplay(replay: NewReplay, most: number, idempotency: Idempotency | null) {
    return this.#committer.run('createReplay', [replay, most, idempotency]);
  }
  getReplay(env: number, replay_id: string): Promise<Replay | null> {
    return this.#reader.query('getReplay', [env, replay_id]);
  }
  listReplays(env: number, page: PageRequest): Promise<Page<Replay>> {
    return this.#reader.query('listReplays', [env, page]);
  }
  unfinishedReplays(): Promise<Replay[]> {
    return this.#reader.query('unfinishedReplays', []);
  }
  queueReplay(replay_id: string, from: number, slice: ReplaySlice): Promise<Replay> {
    const weight = { rows: 4 * slice.items.length, bytes: 0 };
    return this.#committer.run('queueReplay', [replay_id, from, slice], weight);
  }
  endReplay(
    replay_id: string,
    status: Exclude<ReplayStatus, 'running'>,
    error: string | null,
  ): Promise<Replay> {
    return this.#committer.run('endReplay', [replay_id, status, error]);
  }
  withdrawReplay(replay_id: string, limit: number): Promise<number> {
    return this.#committer.run('withdrawReplay', [replay_id, limit], { rows: 4 * limit, bytes: 0 });
  }
  findDeliveries(env: number, filter: BulkFilter, after: DeliveryPlace | null, limit: number) {
    return this.#reader.query('findDeliveries', [env, filter, after, limit]);
  }
  retryDeliveries(env: number, places: readonly DeliveryPlace[]): Promise<number> {
    const weight = { rows: 4 * places.length, bytes: 0 };
    return this.#committer.run('retryDeliveries', [env, places], weight);
  }
  discardDeliveries(env: number, places: readonly DeliveryPlace[], now: number): Promise<number> {
    const weight = { rows: 4 * places.length, bytes: 0 };
    return this.#committer.run('discardDeliveries', [env, places, now], weight);
  }

  // ---------------------------------------------------------------- feed, checkpoints

  readFeed(lane: number, after: number, limit: number): Promise<LanePart<FeedEvent>> {
    return this.#reader.query('readFeed', [lane, after, limit]);
  }
  readLane(lane: number, after: number, limit: number): Promise<LanePart<Omit<FeedEvent, 'envelope'>>> {
    return this.#reader.query('readLane', [lane, after, limit]);
  }
  lastCheckpoint(lane: number): Promise<Checkpoint | null> {
    return this.#reader.query('lastCheckpoint', [lane]);
  }
  listCheckpoints(lane: number, after: number, limit: number): Promise<Checkpoint[]> {
    return this.#reader.query('listCheckpoints', [lane, after, limit]);
  }
  addCheckpoints(lane: number, checkpoints: readonly Checkpoint[]): Promise<void> {
    return this.#committer.run('addCheckpoints', [lane, checkpoints]);
  }
  lanesOf(env: number): Promise<number[]> {
    return this.#reader.query('lanesOf', [env]);
  }

  // ---------------------------------------------------------------- maintain

  purge(env: number, policy: RetentionPolicy, limit: number): Promise<number> {
    return this.#committer.run('purge', [env, policy, limit], { rows: limit, bytes: 0 });
  }
  purgeIdempotency(before: number, limit: number): Promise<number> {
    return this.#committer.run('purgeIdempotency', [before, limit], { rows: limit, bytes: 0 });
  }
  backup(path: string): Promise<number> {
    return this.#checkpointer.backup(path);
  }
  queueDepth(): Promise<QueueDepth> {
    return this.#reader.query('queueDepth', []);
  }
  async health(): Promise<StoreHealth> {
    // An idle store proves itself by a commit; a busy one has just done so.
    if (this.#committer.queued === 0) await this.#committer.run('probe', []).catch(() => undefined);
    return {
      writable: this.#committer.lastError === null,
      last_error: this.#committer.lastError ?? this.#checkpointer.lastError,
      commit_queue: this.#committer.queued,
      wal_bytes: this.#checkpointer.walBytes,
      database_bytes: statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0,
    };
  }
}

/** The usual result (2xx, no consequences) crosses the thread as numbers; the others as they are. */
function splitSettlements(settlements: readonly Settlement[]): {
  numbers: Float64Array;
  excerpts: (string | null)[];
  others: Settlement[];
} {
  const others: Settlement[] = [];
  const usual: Settlement[] = [];
  for (const settlement of settlements) {
    if (settlement.verdict === 'delivered' && settlement.events.length === 0) usual.push(settlement);
    else others.push(settlement);
  }
  const numbers = new Float64Array(usual.length * 6);
  const excerpts: (string | null)[] = [];
  let i = 0;
  for (const { lane, seq, attempt } of usual) {
    numbers[i++] = lane;
    numbers[i++] = seq;
    numbers[i++] = attempt.attempt;
    numbers[i++] = attempt.at;
    numbers[i++] = attempt.status;
    numbers[i++] = attempt.latency_ms;
    excerpts.push(attempt.response_excerpt);
  }
  return { numbers, excerpts, others };
}
