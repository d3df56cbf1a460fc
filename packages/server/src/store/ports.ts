/**
 * What every store adapter offers. Each stage declares the small part it needs in its own words; this file is
 * the union, so that an adapter and the conformance suite have one list to satisfy.
 *
 * Rules all adapters keep:
 * - A promise of a command settles after its transaction is on disk, never before.
 * - Whatever creates events runs `domain/decide` inside the transaction that stores them.
 * - Commands are isolated: one that fails leaves no trace and does not touch its neighbours.
 * - Anything expected to go wrong rejects with a `PostriderError`; `storage_unavailable` means nothing was kept.
 * Times are milliseconds since the epoch; "env time" is on the environment's clock, "wall" is not.
 */

import type { EventEnvelope, SuppressionReason } from '@postrider/contract/events';
import type { Attempt, DeliveryStatus, DueDelivery, DueEvent } from '../domain/delivery.ts';
import type { BreakerState, Endpoint, EndpointSettings } from '../domain/endpoint.ts';
import type { NewEvent } from '../domain/event.ts';
import type {
  AcceptedRecipient,
  Message,
  NewMessage,
  OutgoingRecipient,
  Recipient,
} from '../domain/message.ts';
import type { ApiKey, Environment, Project } from '../domain/tenancy.ts';

/** Makes a creating call repeatable. Kept for 24 h of wall time per environment and key. */
export interface Idempotency {
  key: string;
  /** SHA-256 (hex) over method, path and body: the same key with another fingerprint is a conflict. */
  fingerprint: string;
  now: number;
}

/** `replayed`: the answer of the first call; nothing was done this time. */
export type Idempotent<T> = T & { replayed: boolean };

export interface Page<T> {
  data: T[];
  /** Opaque; null on the last page. */
  next_cursor: string | null;
}
export interface PageRequest {
  limit: number;
  cursor: string | null;
}

// ---------------------------------------------------------------- projects, keys

export interface NewApiKey {
  key_id: string;
  env: number | null;
  name: string;
  scopes: ApiKey['scopes'];
  prefix: string;
  /** SHA-256 of the key, hex. Keys are 256 random bits, so no slow hash is needed. */
  hash: string;
  /** The key sealed under the master key; kept only with the idempotency record, to answer a repeated call. */
  sealed: string | null;
  created_at: number;
}
export interface AccessStore {
  /** Makes the project with its `live` and `sandbox` environments. A taken name is `conflict`. */
  createProject(
    project: Project,
    idempotency: Idempotency | null,
  ): Promise<Idempotent<{ project: Project; environments: Environment[] }>>;
  listProjects(): Promise<Project[]>;
  listEnvironments(): Promise<Environment[]>;
  createApiKey(
    key: NewApiKey,
    idempotency: Idempotency | null,
  ): Promise<Idempotent<{ key: ApiKey; sealed: string | null }>>;
  listApiKeys(env: number | null, page: PageRequest): Promise<Page<ApiKey>>;
  /** Resolves to the key as it is now; `not_found` when it is not of this environment. */
  revokeApiKey(env: number | null, key_id: string, now: number): Promise<ApiKey>;
  findApiKey(hash: string): Promise<ApiKey | null>;
  /** Adds to the environment's offset; resolves to the environment with the new offset. */
  advanceClock(env: number, by_ms: number): Promise<Environment>;
}

// ---------------------------------------------------------------- accept, record

export interface AcceptStore {
  /**
   * Stores the message, decides per recipient between `accepted` and `dropped` (suppressions are read in the
   * transaction), stores those events with their deliveries, and queues accepted recipients for a transport.
   */
  acceptMessage(
    message: NewMessage,
    idempotency: Idempotency | null,
  ): Promise<Idempotent<{ message_id: string; recipients: AcceptedRecipient[] }>>;
  /**
   * Stores an application's own events. `not_found` when an event names a message that is not of this environment.
   */
  recordEvents(
    env: number,
    events: NewEvent[],
    idempotency: Idempotency | null,
  ): Promise<Idempotent<{ event_ids: string[] }>>;
  /** Those of `message_ids` that are not of this environment. */
  unknownMessages(env: number, message_ids: readonly string[]): Promise<string[]>;
  /** Drops what of a scheduled message has not been handed to a transport. `conflict` when nothing is left to cancel. */
  cancelMessage(env: number, message_id: string, now: number): Promise<{ cancelled: string[] }>;
}

/** What came of one attempt by a transport. All of it is committed together. */
export interface OutcomeRecord {
  env: number;
  outgoing: number;
  /** In causal order; may be empty (a transport that only asks for more time). */
  events: NewEvent[];
  /** Env time of the next attempt; null = done with this recipient. */
  next_at: number | null;
  /** Whether this counts as an attempt. */
  attempted: boolean;
}
export interface RecordStore {
  recordOutcomes(outcomes: OutcomeRecord[]): Promise<void>;
}

// ---------------------------------------------------------------- deliver

export interface DeliverStore {
  /**
   * Recipients due at `now` (env time), earliest first, that nobody holds. They are held by this process
   * until their outcome is recorded or the process ends.
   */
  claimOutgoing(env: number, now: number, limit: number): Promise<OutgoingRecipient[]>;
  /** Env time of the earliest recipient that nobody holds; null when there is none. */
  nextOutgoingAt(env: number): Promise<number | null>;
}

// ---------------------------------------------------------------- publish

export interface Settlement {
  lane: number;
  seq: number;
  attempt: Attempt;
  /**
   * `retry` needs `next_at`. `probed`: a probe failed; it is recorded, uses none of the delivery's attempts (`base`
   * grows with `attempts`) and leaves when it is due as it was.
   * A settlement of a delivery that is no longer pending is ignored.
   */
  verdict: 'delivered' | 'retry' | 'probed' | 'failed';
  /** Env time; for `retry` alone. */
  next_at: number | null;
  /** Operational events that this result causes, for example `delivery.failed`. */
  events: NewEvent[];
}
export interface LaneLoad {
  /** In `seq` order for fresh and urgent ones, in due order for retries. */
  deliveries: DueDelivery[];
  /** Nothing beyond these; with `live` the lane now gets its new deliveries through commit notices. */
  end: boolean;
}
export interface PublishStore {
  createEndpoint(
    endpoint: NewEndpoint,
    idempotency: Idempotency | null,
  ): Promise<Idempotent<{ endpoint: Endpoint }>>;
  updateEndpoint(env: number, endpoint_id: string, change: EndpointChange): Promise<Endpoint>;
  /** Pending deliveries are discarded. */
  deleteEndpoint(env: number, endpoint_id: string, now: number): Promise<void>;
  getEndpoint(env: number, endpoint_id: string): Promise<Endpoint | null>;
  listEndpoints(env: number, page: PageRequest): Promise<Page<Endpoint>>;
  /** Every endpoint that exists, for start-up, with the number of its pending deliveries. */
  allEndpoints(): Promise<{ endpoint: Endpoint; pending: number }[]>;

  /**
   * First-attempt deliveries with `seq > after`. Every lane begins parked, new ones too. Runs between transactions, so that a load that reaches the
   * end and turns the lane live misses nothing and repeats nothing.
   */
  loadFresh(lane: number, after: number, limit: number): Promise<LaneLoad>;
  /** The same of all pending deliveries that wait for no other, whenever they are due: for strict lanes. */
  loadInOrder(lane: number, after: number, limit: number): Promise<LaneLoad>;
  /** Deliveries whose next attempt is due at `now` (env time). */
  loadRetries(lane: number, now: number, limit: number): Promise<LaneLoad>;
  /**
   * Env time of the lane's earliest retry that waits until later than `after`; what is due before is being
   * attempted, and its outcome tells its own next time.
   */
  nextRetryAt(lane: number, after: number): Promise<number | null>;
  /**
   * First-attempt deliveries with `seq > after` that may overtake (`domain/urgency`), in `seq` order, without those
   * that have an earlier pending delivery of the same message in this lane. `end` as always.
   */
  loadUrgent(lane: number, after: number, limit: number): Promise<LaneLoad>;
  /** The lane's earliest pending delivery (lowest `seq`) that waits for no other; whenever it is due. */
  loadHead(lane: number): Promise<DueDelivery | null>;
  /** Whether something in this lane waits for an earlier delivery of its message. */
  hasBlocked(lane: number): Promise<boolean>;
  /** Makes at most `limit` of the lane's deliveries that wait for a later time due at `now`; resolves to how many. */
  hastenLane(lane: number, now: number, limit: number): Promise<number>;
  /**
   * Dead-letters, lowest `seq` first, at most `limit` of the lane's pending deliveries whose event is from `before` or
   * earlier (env time), with the error `held_too_long` and `delivery.failed` for each that is no operational event.
   * Resolves to how many: less than `limit` also when the commit had no room for more; 0 = none is left.
   */
  expireHeld(lane: number, before: number, limit: number, now: number): Promise<number>;
  /** Stops handing this lane's new deliveries to commit notices: its window is full. `loadFresh` turns it live again. */
  parkLane(lane: number): void;
  settle(settlements: Settlement[]): Promise<void>;
  /** Puts a dead letter back, due at once, with the schedule anew. `conflict` when it is not `failed`. */
  retryDelivery(env: number, lane: number, seq: number): Promise<void>;
  /** Pending, held or failed -> discarded. `conflict` when it is settled otherwise. */
  discardDelivery(env: number, lane: number, seq: number, now: number): Promise<void>;
  /** Discards at most `limit` of the lane's pending deliveries with `seq <= through`; resolves to how many. */
  discardLane(lane: number, through: number, limit: number, now: number): Promise<number>;
}

export interface NewEndpoint extends EndpointSettings {
  endpoint_id: string;
  env: number;
  secret_sealed: string;
  created_at: number;
}
export type EndpointChange = Partial<EndpointSettings> & {
  status?: Endpoint['status'];
  disabled_reason?: string | null;
  breaker?: BreakerState;
  failing_since?: number | null;
  rotate?: SecretRotation;
  updated_at: number;
  /** Operational events that this change causes. */
  events?: NewEvent[];
};

/**
 * `secret_sealed` signs from now on. The one before it goes on signing beside it until `until` (null: stops at once).
 * While the overlap of an earlier rotation lasts, its old secret stays the old one, and the one in between stops
 * signing: the old one is what receivers have for certain, and was promised to them; the one in between may never
 * have reached them. Its time is then the later of both ends. Decided on what the row holds inside the transaction.
 */
export interface SecretRotation {
  secret_sealed: string;
  /** Wall clock, as `until`. */
  at: number;
  until: number | null;
}

/** What one transaction changed, told to the process after it is on disk, in commit order. */
export interface CommitNotice {
  /** Bodies of the new events that at least one live lane gets. */
  events: DueEvent[];
  /** New deliveries of live lanes; `event` is an index into `events`. */
  lanes: { lane: number; items: { seq: number; log: number; event: number }[] }[];
  /**
   * Deliveries of live lanes that no longer wait for an earlier one of their message, due now; `event` as above.
   * Their `seq` is below what the lane has seen.
   */
  released: { lane: number; seq: number; log: number; event: number }[];
  /** Lanes that got deliveries which are only in the store: parked lanes, retries, dead letters put back. */
  waiting: number[];
  /** Those of `waiting` that got urgent ones. */
  urgent: number[];
  /** Lanes from whose queue something was taken away unsent (discarded, withdrawn): what they hold of it is not to be sent. */
  dropped: number[];
  /** Endpoints made, changed or deleted. Comes before `lanes` in meaning: the lane may be new. */
  endpoints: (Endpoint & { deleted: boolean })[];
  /** New ends of the environments' logs, for the live stream. */
  logs: { env: number; log: number }[];
  /** Environments with recipients newly queued for a transport, and the earliest time among those. */
  outgoing: { env: number; next_at: number }[];
}

// ---------------------------------------------------------------- suppressions

export interface Suppression {
  address: string;
  reason: SuppressionReason;
  /** The event that caused it; null for `manual`. */
  event_id: string | null;
  created_at: number;
}
export interface SuppressionStore {
  /** Adds or keeps: an address already there keeps its first reason. Emits `suppression.added` when new. */
  addSuppressions(
    env: number,
    items: { address: string; reason: SuppressionReason; event_id: string }[],
    at: number,
    idempotency: Idempotency | null,
  ): Promise<Idempotent<{ data: Suppression[] }>>;
  /** `not_found` when it is not there. Emits `suppression.removed`. */
  removeSuppression(env: number, address: string, event: NewEvent): Promise<void>;
  getSuppression(env: number, address: string): Promise<Suppression | null>;
  listSuppressions(
    env: number,
    filter: { reason: SuppressionReason | null; q: string | null },
    page: PageRequest,
  ): Promise<Page<Suppression>>;
}

// ---------------------------------------------------------------- query

export interface MessageFilter {
  recipient: string | null;
  status: string | null;
  tag: string | null;
  campaign_id: string | null;
  after: number | null;
  before: number | null;
  q: string | null;
}
export interface EventFilter {
  event_type: string[] | null;
  message_id: string | null;
  recipient: string | null;
  campaign_id: string | null;
  tag: string | null;
  after: number | null;
  before: number | null;
}
export interface DeliveryFilter {
  status: DeliveryStatus | null;
  endpoint_id: string | null;
  event_id: string | null;
  message_id: string | null;
  after: number | null;
  before: number | null;
}
export interface MessageView {
  message: Message;
  recipients: Recipient[];
}
export interface DeliveryView {
  lane: number;
  seq: number;
  log: number;
  endpoint_id: string;
  event_id: string;
  event_type: string;
  message_id: string | null;
  status: DeliveryStatus;
  attempts: number;
  created_at: number;
  /** Env time of the next attempt while pending; null otherwise. */
  next_attempt_at: number | null;
  settled_at: number | null;
  last_status: number | null;
  last_error: string | null;
}
export interface EndpointStats {
  pending: number;
  failed: number;
  oldest_pending_at: number | null;
  /** Over deliveries settled since `since`. */
  settled: number;
  delivered: number;
  p50_ms: number | null;
  p99_ms: number | null;
}
export interface QueryStore {
  getMessage(env: number, message_id: string): Promise<MessageView | null>;
  listMessages(env: number, filter: MessageFilter, page: PageRequest): Promise<Page<MessageView>>;
  /** The MIME message, uncompressed; null when past retention. */
  rawMessage(env: number, message_id: string): Promise<Uint8Array | null>;
  getEvent(env: number, event_id: string): Promise<EventEnvelope | null>;
  listEvents(env: number, filter: EventFilter, page: PageRequest): Promise<Page<EventEnvelope>>;
  /** Oldest first, after a log position: the live stream and its resumption. */
  eventsAfter(env: number, log: number, limit: number): Promise<{ log: number; envelope: string }[]>;
  /** Position of an event in its environment's log; null when unknown. */
  logPosition(env: number, event_id: string): Promise<number | null>;
  logEnd(env: number): Promise<number>;
  listDeliveries(env: number, filter: DeliveryFilter, page: PageRequest): Promise<Page<DeliveryView>>;
  getDelivery(
    env: number,
    lane: number,
    seq: number,
  ): Promise<{ delivery: DeliveryView; attempts: Attempt[] } | null>;
  endpointStats(lane: number, since: number): Promise<EndpointStats>;
}

// ---------------------------------------------------------------- replays, many deliveries at once

/** What a replay sends again; null = whatever it is. Times are env time. */
export interface ReplayQuery {
  /** `all`: the event log through the endpoint's own subscription. `failed`: its dead letters. */
  status: 'all' | 'failed';
  event_types: string[] | null;
  after: number | null;
  before: number | null;
  recipient: string | null;
  message_id: string | null;
  campaign_id: string | null;
  /** Events per second of wall time; null = as fast as the lane takes them. */
  rate: number | null;
}
export type ReplayStatus = 'running' | 'completed' | 'cancelled' | 'failed';
export interface NewReplay {
  replay_id: string;
  env: number;
  lane: number;
  query: ReplayQuery;
  matched: number;
  /** Where it ends: a position in the log, or a `seq` when dead letters are replayed. */
  end: number;
  /** Env time. */
  created_at: number;
}
export interface Replay extends NewReplay {
  endpoint_id: string;
  status: ReplayStatus;
  /** Put into the lane; those of them that are settled are delivered, failed or discarded. */
  queued: number;
  /** Matched, and left alone: they were waiting already, or retention was faster. */
  skipped: number;
  delivered: number;
  failed: number;
  discarded: number;
  /** What has been looked at; counts as `end` does. */
  position: number;
  /** Why it is `failed`. */
  error: string | null;
  updated_at: number;
  finished_at: number | null;
}
export interface ReplaySlice {
  /** Positions in the log, or `seq`s, ascending. */
  items: number[];
  /** Looked at up to here. */
  through: number;
}
/** Which deliveries are put back or given up together; null = whatever it is. */
export interface BulkFilter {
  endpoint_id: string | null;
  event_id: string | null;
  message_id: string | null;
  event_types: string[] | null;
  after: number | null;
  before: number | null;
  statuses: readonly ('pending' | 'held' | 'failed')[];
}
export interface DeliveryPlace {
  lane: number;
  seq: number;
}
export interface ReplayStore {
  /** Where a replay that begins now ends: the end of the log, or the lane's last `seq`. */
  replayEnd(env: number, lane: number, status: ReplayQuery['status']): Promise<number>;
  /**
   * The next at most `limit` that the query matches, after `after` and up to `end`. Looks at a bounded number of rows,
   * so `items` may be empty before `through` is `end`. `not_found` when the endpoint is gone.
   */
  findReplayable(
    env: number,
    lane: number,
    query: ReplayQuery,
    after: number,
    end: number,
    limit: number,
  ): Promise<ReplaySlice>;
  /** `conflict` when `most` replays of the environment are running. */
  createReplay(
    replay: NewReplay,
    most: number,
    idempotency: Idempotency | null,
  ): Promise<Idempotent<{ replay: Replay }>>;
  getReplay(env: number, replay_id: string): Promise<Replay | null>;
  listReplays(env: number, page: PageRequest): Promise<Page<Replay>>;
  /** All that are running, and those that were cancelled with deliveries still in a lane; for start-up. */
  unfinishedReplays(): Promise<Replay[]>;
  /**
   * Puts a slice that was found `from` there into the lane and moves the replay's position, together. Nothing happens
   * when it is no longer running or stands elsewhere. Resolves to the replay as it is then.
   */
  queueReplay(replay_id: string, from: number, slice: ReplaySlice): Promise<Replay>;
  /** Ends a running one: `completed` only when all it queued is settled. Resolves to the replay as it is then. */
  endReplay(
    replay_id: string,
    status: Exclude<ReplayStatus, 'running'>,
    error: string | null,
  ): Promise<Replay>;
  /**
   * Takes at most `limit` of what a replay queued and is still pending out of the lane, each to what it was before: what
   * failed meanwhile is a dead letter, what the replay itself made is discarded. Resolves to how many.
   */
  withdrawReplay(replay_id: string, limit: number): Promise<number>;
  /** The next at most `limit` deliveries of the filter after a place, in order of lane and `seq`. */
  findDeliveries(
    env: number,
    filter: BulkFilter,
    after: DeliveryPlace | null,
    limit: number,
  ): Promise<{ places: DeliveryPlace[]; through: DeliveryPlace | null }>;
  /** Puts dead letters back, due at once; others of `places` are left alone. Resolves to how many it were. */
  retryDeliveries(env: number, places: readonly DeliveryPlace[]): Promise<number>;
  /** Discards what is pending, held or failed; others of `places` are left alone. Resolves to how many it were. */
  discardDeliveries(env: number, places: readonly DeliveryPlace[], now: number): Promise<number>;
}

// ---------------------------------------------------------------- feed, checkpoints

export interface FeedEvent {
  seq: number;
  event_id: string;
  /** Env time. */
  at: number;
  /** JSON text without `seq`. */
  envelope: string;
}
export interface LaneEnds {
  last_seq: number;
  /** Retention has deleted something up to here: the lane is without gaps only after it. */
  purged_through: number;
}
export interface LanePart<T> extends LaneEnds {
  /** In `seq` order, without gaps when the part begins at or after `purged_through`. */
  items: T[];
}
/** A run of a lane's events whose ids are summed up. */
export interface Checkpoint {
  from_seq: number;
  to_seq: number;
  /** Of its newest event, in hours of env time since the epoch. */
  hour: number;
  /** SHA-256, hex. */
  digest: string;
}
export interface FeedStore {
  /** Deliveries of every state with `seq > after`. */
  readFeed(lane: number, after: number, limit: number): Promise<LanePart<FeedEvent>>;
  /** The same without the envelopes. */
  readLane(lane: number, after: number, limit: number): Promise<LanePart<Omit<FeedEvent, 'envelope'>>>;
  lastCheckpoint(lane: number): Promise<Checkpoint | null>;
  /** Those with `from_seq > after`, oldest first. */
  listCheckpoints(lane: number, after: number, limit: number): Promise<Checkpoint[]>;
  /** Keeps those that go on where the lane's last one ends; others are ignored. Retention never passes the last one. */
  addCheckpoints(lane: number, checkpoints: readonly Checkpoint[]): Promise<void>;
  /** The lanes of an environment whose endpoint exists. */
  lanesOf(env: number): Promise<number[]>;
}

// ---------------------------------------------------------------- maintain

export interface RetentionPolicy {
  /** Env-time cut-offs: what is older goes. Pending and held deliveries never do. */
  events_before: number;
  dead_letters_before: number;
  raw_before: number;
}
export interface MaintainStore {
  /** Deletes at most `limit` rows; resolves to the number deleted. 0 = done. */
  purge(env: number, policy: RetentionPolicy, limit: number): Promise<number>;
  /** Deletes expired idempotency records, at most `limit`. */
  purgeIdempotency(before: number, limit: number): Promise<number>;
  /** Writes a consistent copy while running and opens it to verify. Resolves to its size in bytes. */
  backup(path: string): Promise<number>;
  health(): Promise<StoreHealth>;
  queueDepth(): Promise<QueueDepth>;
}
export interface QueueDepth {
  deliveries: number;
  recipients: number;
  /** Env time of the event of the oldest pending delivery; null when none is pending. */
  oldest_delivery_at: number | null;
}
export interface StoreHealth {
  /** The last commit succeeded, or a probe write just did. */
  writable: boolean;
  last_error: string | null;
  commit_queue: number;
  wal_bytes: number;
  database_bytes: number;
}

export interface Store
  extends
    AccessStore,
    AcceptStore,
    RecordStore,
    DeliverStore,
    PublishStore,
    SuppressionStore,
    QueryStore,
    ReplayStore,
    FeedStore,
    MaintainStore {
  /** One listener; called in commit order, after the promises of that commit are settled. */
  onCommit(listener: (notice: CommitNotice) => void): void;
  /** Commits what is queued, then closes. */
  close(): Promise<void>;
}
