/**
 * What the HTTP door needs of the stages behind it. `main.ts` passes the real ones in; tests pass fakes.
 * Every method rejects with a `PostriderError` when something expected goes wrong.
 */

import type { DeliveryDiscardBody, DeliveryRetryBody } from '@postrider/contract/schemas/bulk';
import type { ReplayCreateBody } from '@postrider/contract/schemas/replay';
import type { SuppressionReason } from '@postrider/contract/events';
import type { ApiKey, Caller, Environment, Project, Scope } from '../domain/tenancy.ts';
import type { PageInput, PageOutput } from './page.ts';
import type { QueryService } from './query-service.ts';

/** Makes a creating call repeatable: what came as `Idempotency-Key`, and what the request was. */
export interface IdempotencyInput {
  key: string;
  /** SHA-256 (hex) over method, path and body. */
  fingerprint: string;
  /** Wall clock, ms. */
  now: number;
}

/** An administrator's key: makes projects, belongs to none. */
export interface AdminCaller {
  admin: true;
  key_id: string;
}

interface CreatedKey {
  key: ApiKey;
  /** The key itself; shown in this answer only. */
  secret: string;
}

export interface AccessService {
  /** Null when no such key is valid. */
  authenticate(presented: string): Promise<Caller | AdminCaller | null>;
  createProject(
    name: string,
    idempotency: IdempotencyInput | null,
  ): Promise<{ project: Project; environments: Environment[] }>;
  listProjects(): Promise<{ project: Project; environments: Environment[] }[]>;
  createApiKey(
    env: number | null,
    input: { name: string; scopes: Scope[] },
    idempotency: IdempotencyInput | null,
  ): Promise<CreatedKey>;
  listApiKeys(env: number | null, page: PageInput): Promise<PageOutput<ApiKey>>;
  revokeApiKey(env: number | null, key_id: string): Promise<ApiKey>;
}

interface AcceptedMessage {
  message_id: string;
  recipients: { address: string; status: string; reason?: string }[];
}

interface SubmissionService {
  /** Checks `body` itself: it is whatever the client sent. */
  submit(
    environment: Environment,
    body: unknown,
    idempotency: IdempotencyInput | null,
  ): Promise<AcceptedMessage & { replayed: boolean }>;
  /** In the order of `items`; one that cannot be taken is an error in its place. */
  submitBatch(
    environment: Environment,
    items: unknown[],
    idempotency: IdempotencyInput | null,
  ): Promise<(AcceptedMessage | { error: object })[]>;
  cancel(environment: Environment, message_id: string): Promise<{ cancelled: string[] }>;
}

interface CustomEventService {
  /** One event or `{events: […]}`; checks `body` itself. */
  record(
    environment: Environment,
    body: unknown,
    idempotency: IdempotencyInput | null,
  ): Promise<{ event_ids: string[]; replayed: boolean }>;
}

/** Answers are public objects as API.md shows them. */
interface EndpointService {
  create(environment: Environment, body: unknown, idempotency: IdempotencyInput | null): Promise<object>;
  list(environment: Environment, page: PageInput): Promise<PageOutput<object>>;
  get(environment: Environment, endpoint_id: string, options?: { with_secret: boolean }): Promise<object>;
  patch(environment: Environment, endpoint_id: string, body: unknown): Promise<object>;
  remove(environment: Environment, endpoint_id: string): Promise<void>;
  test(environment: Environment, endpoint_id: string, event_type?: string): Promise<object>;
  rotateSecret(environment: Environment, endpoint_id: string, overlap_seconds: number): Promise<object>;
  enable(environment: Environment, endpoint_id: string, backfill: boolean): Promise<object>;
  disable(environment: Environment, endpoint_id: string): Promise<object>;
  stats(environment: Environment, endpoint_id: string): Promise<object>;
}

interface FeedService {
  /** `gone` with `earliestSeq` when some of what is asked for is past retention. */
  page(environment: Environment, endpoint_id: string, after: number, limit: number): Promise<object>;
}

interface CheckpointService {
  /** Those whose `from_seq` is greater than `after`. */
  list(
    environment: Environment,
    endpoint_id: string,
    page: { after: number; limit: number },
  ): Promise<object>;
}

/** Bodies fit their schemas. */
interface ReplayService {
  create(
    environment: Environment,
    body: ReplayCreateBody,
    idempotency: IdempotencyInput | null,
  ): Promise<object>;
  list(environment: Environment, page: PageInput): Promise<PageOutput<object>>;
  get(environment: Environment, replay_id: string): Promise<object>;
  cancel(environment: Environment, replay_id: string): Promise<object>;
}

/** Bodies fit their schemas. */
interface BulkDeliveryService {
  retry(environment: Environment, body: DeliveryRetryBody): Promise<object>;
  discard(environment: Environment, body: DeliveryDiscardBody): Promise<object>;
}

interface DeliveryService {
  retry(environment: Environment, delivery_id: string): Promise<void>;
  discard(environment: Environment, delivery_id: string): Promise<void>;
}

export interface SuppressionRecord {
  address: string;
  reason: SuppressionReason;
  event_id: string | null;
  /** Environment's clock, ms. */
  created_at: number;
}

export interface SuppressionService {
  /** Adds or keeps: an address already there keeps its first reason. */
  add(
    environment: Environment,
    items: { address: string; reason: SuppressionReason }[],
    idempotency: IdempotencyInput | null,
  ): Promise<{ data: SuppressionRecord[] }>;
  remove(environment: Environment, address: string): Promise<void>;
  /** `not_found` when the address is not on the list. */
  get(environment: Environment, address: string): Promise<SuppressionRecord>;
  list(
    environment: Environment,
    filter: { reason: SuppressionReason | null; q: string | null },
    page: PageInput,
  ): Promise<PageOutput<SuppressionRecord>>;
}

interface ClockService {
  /** Environment's time, ms. */
  now(env: number): number;
  /** How far it is ahead of the wall clock, ms. */
  offset(env: number): number;
  /** Moves a sandbox's clock and settles everything that thereby became due. */
  advance(environment: Environment, seconds: number): Promise<object>;
}

interface Readiness {
  ready: boolean;
  /** One sentence for each thing that keeps the process from serving; empty when ready. */
  reasons: string[];
}

export interface Services {
  access: AccessService;
  submissions: SubmissionService;
  customEvents: CustomEventService;
  endpoints: EndpointService;
  deliveries: DeliveryService;
  bulkDeliveries: BulkDeliveryService;
  replays: ReplayService;
  feed: FeedService;
  checkpoints: CheckpointService;
  suppressions: SuppressionService;
  clock: ClockService;
  query: QueryService;
  readiness(): Promise<Readiness>;
}

/** What is exposed at `/metrics`: prom-client's Registry fits. */
export interface MetricsPage {
  contentType: string;
  metrics(): Promise<string>;
}
