/** The stages behind the door as small fakes: one project, both environments, one thing of each kind in each. */

import { notFound, PostriderError } from '../../domain/errors.ts';
import { SCOPES, type ApiKey, type Caller, type Environment, type Scope } from '../../domain/tenancy.ts';
import type { LiveEvent, LiveReader, QueryService } from '../query-service.ts';
import type { PageOutput } from '../page.ts';
import type { AdminCaller, IdempotencyInput, Services, SuppressionRecord } from '../services.ts';

const LIVE: Environment = { env: 1, project_id: 'prj_a', name: 'live', clock_offset_ms: 0 };
const SANDBOX: Environment = { env: 2, project_id: 'prj_a', name: 'sandbox', clock_offset_ms: 0 };

export const LIVE_KEY = 'pr_live_fake';
export const SANDBOX_KEY = 'pr_test_fake';
export const READ_KEY = 'pr_test_read';
export const SEND_KEY = 'pr_test_send';
export const ADMIN_KEY = 'pr_admin_fake';

/** Ids that exist in the sandbox, and only there. */
export const KNOWN = {
  message: `msg_0${'0'.repeat(25)}`,
  event: `evt_0${'0'.repeat(25)}`,
  endpoint: `end_0${'0'.repeat(25)}`,
  delivery: `del_0${'0'.repeat(25)}`,
  api_key: `key_0${'0'.repeat(25)}`,
  replay: `rpl_0${'0'.repeat(25)}`,
  suppression: 'known@example.com',
} as const;

interface Call {
  name: string;
  env: number | null;
  input: unknown;
  idempotency?: IdempotencyInput | null;
}

export interface FakeServices extends Services {
  /** Everything that would have changed something, in order. */
  calls: Call[];
  /** Thrown by the next changing call. */
  fail: unknown;
  ready: boolean;
  live: FakeReader[];
}

const CALLERS: Readonly<Record<string, Caller | AdminCaller>> = {
  [LIVE_KEY]: { key_id: 'key_live', environment: LIVE, scopes: SCOPES },
  [SANDBOX_KEY]: { key_id: 'key_test', environment: SANDBOX, scopes: SCOPES },
  [READ_KEY]: { key_id: 'key_read', environment: SANDBOX, scopes: ['read'] },
  [SEND_KEY]: { key_id: 'key_send', environment: SANDBOX, scopes: ['send'] },
  [ADMIN_KEY]: { admin: true, key_id: 'key_admin' },
};

export function fakeServices(): FakeServices {
  const calls: Call[] = [];
  const fake = { calls, fail: null, ready: true, live: [] } as unknown as FakeServices;
  const record = async <T>(
    name: string,
    env: number | null,
    input: unknown,
    answer: T,
    idempotency?: IdempotencyInput | null,
  ): Promise<T> => {
    if (fake.fail !== null) throw fake.fail;
    calls.push({ name, env, input, ...(idempotency === undefined ? {} : { idempotency }) });
    return answer;
  };
  fake.readiness = async () => ({
    ready: fake.ready,
    reasons: fake.ready ? [] : ['The store cannot commit.'],
  });
  fake.access = fakeAccess(record);
  fake.query = fakeQuery(fake);
  fake.submissions = {
    submit: (environment, body, idempotency) =>
      record(
        'submit',
        environment.env,
        body,
        { message_id: KNOWN.message, recipients: [], replayed: false },
        idempotency,
      ),
    submitBatch: (environment, items, idempotency) =>
      record(
        'submitBatch',
        environment.env,
        items,
        items.map(() => ({ message_id: KNOWN.message, recipients: [] })),
        idempotency,
      ),
    cancel: (environment, id) => record('cancel', environment.env, id, { cancelled: [] }),
  };
  fake.customEvents = {
    record: (environment, body, idempotency) =>
      record('events', environment.env, body, { event_ids: [KNOWN.event], replayed: false }, idempotency),
  };
  fake.endpoints = fakeEndpoints(record);
  fake.deliveries = {
    retry: (environment, id) => record('retry', environment.env, id, undefined),
    discard: (environment, id) => record('discard', environment.env, id, undefined),
  };
  const changed = { matched: 1, more: false };
  fake.bulkDeliveries = {
    retry: (environment, body) => record('retryDeliveries', environment.env, body, changed),
    discard: (environment, body) => record('discardDeliveries', environment.env, body, changed),
  };
  fake.replays = fakeReplays(record);
  fake.feed = {
    page: async (_environment, endpoint_id, after, limit) => ({ endpoint_id, after, limit }),
  };
  fake.checkpoints = { list: async (_environment, endpoint_id, page) => ({ endpoint_id, ...page }) };
  fake.suppressions = fakeSuppressions(record);
  fake.clock = {
    now: () => Date.parse('2026-04-19T14:32:01.123Z'),
    offset: () => 0,
    advance: (environment, seconds) =>
      record('advance', environment.env, seconds, { now: '2026-04-19T14:32:01.123Z', offset_ms: 0 }),
  };
  return fake;
}

type Recording = <T>(
  name: string,
  env: number | null,
  input: unknown,
  answer: T,
  idempotency?: IdempotencyInput | null,
) => Promise<T>;

function known(kind: keyof typeof KNOWN, environment: Environment, id: string): void {
  if (environment.env !== SANDBOX.env || id !== KNOWN[kind]) throw notFound(kind, id);
}

function pageOf<T>(...data: T[]): PageOutput<T> {
  return { data, next_cursor: null };
}

function fakeAccess(record: Recording): Services['access'] {
  const key: ApiKey = {
    key_id: KNOWN.api_key,
    env: SANDBOX.env,
    name: 'a key',
    scopes: ['read'],
    prefix: 'pr_test_abcde',
    created_at: 0,
    revoked_at: null,
  };
  const project = { project_id: 'prj_a', name: 'Shop', created_at: 0 };
  return {
    authenticate: async (presented) =>
      Object.hasOwn(CALLERS, presented) ? (CALLERS[presented] ?? null) : null,
    createProject: (name, idempotency) =>
      record('createProject', null, name, { project, environments: [LIVE, SANDBOX] }, idempotency),
    listProjects: async () => [{ project, environments: [LIVE, SANDBOX] }],
    createApiKey: (env, input: { name: string; scopes: Scope[] }, idempotency) =>
      record('createApiKey', env, input, { key: { ...key, ...input }, secret: 'pr_test_new' }, idempotency),
    listApiKeys: async (env) => (env === SANDBOX.env ? pageOf(key) : pageOf()),
    revokeApiKey: (env, id) => record('revokeApiKey', env, id, { ...key, revoked_at: 1 }),
  };
}

function fakeEndpoints(record: Recording): Services['endpoints'] {
  const endpoint = { endpoint_id: KNOWN.endpoint, url: 'https://example.com/' };
  return {
    create: (environment, body, idempotency) =>
      record('createEndpoint', environment.env, body, { ...endpoint, secret: 'whsec_x' }, idempotency),
    list: async (environment) => (environment.env === SANDBOX.env ? pageOf(endpoint) : pageOf()),
    get: async (environment, id, options) => {
      known('endpoint', environment, id);
      return options?.with_secret ? { ...endpoint, secret: 'whsec_x' } : endpoint;
    },
    patch: (environment, id, body) => record('patchEndpoint', environment.env, { id, body }, endpoint),
    remove: (environment, id) => record('removeEndpoint', environment.env, id, undefined),
    test: (environment, id, type) =>
      record('testEndpoint', environment.env, { id, type }, { delivered: true }),
    rotateSecret: (environment, id, seconds) =>
      record('rotateSecret', environment.env, { id, seconds }, { secret: 'whsec_y' }),
    enable: (environment, id, backfill) =>
      record('enableEndpoint', environment.env, { id, backfill }, endpoint),
    disable: (environment, id) => record('disableEndpoint', environment.env, id, endpoint),
    stats: async () => ({ pending: 0 }),
  };
}

function fakeReplays(record: Recording): Services['replays'] {
  const replay = { replay_id: KNOWN.replay, status: 'running' };
  return {
    create: (environment, body, idempotency) =>
      record('createReplay', environment.env, body, { ...replay, matched: 0 }, idempotency),
    list: async (environment) => (environment.env === SANDBOX.env ? pageOf(replay) : pageOf()),
    async get(environment, id) {
      known('replay', environment, id);
      return replay;
    },
    cancel: (environment, id) => record('cancelReplay', environment.env, id, replay),
  };
}

function fakeSuppressions(record: Recording): Services['suppressions'] {
  const one: SuppressionRecord = {
    address: KNOWN.suppression,
    reason: 'manual',
    event_id: null,
    created_at: 0,
  };
  return {
    add: (environment, items, idempotency) =>
      record(
        'addSuppressions',
        environment.env,
        items,
        { data: items.map((item) => ({ ...one, ...item })) },
        idempotency,
      ),
    remove: (environment, address) => record('removeSuppression', environment.env, address, undefined),
    get: async (environment, address) => {
      known('suppression', environment, address);
      return one;
    },
    list: async (environment) => (environment.env === SANDBOX.env ? pageOf(one) : pageOf()),
  };
}

function fakeQuery(fake: FakeServices): QueryService {
  return {
    async message(environment, id) {
      known('message', environment, id);
      return { message_id: id };
    },
    messages: async () => pageOf({ message_id: KNOWN.message }),
    raw: async () => Buffer.from('Subject: x\r\n\r\nbody\r\n'),
    content: async () => ({ subject: 'x' }),
    async event(environment, id) {
      known('event', environment, id);
      return { event_id: id };
    },
    events: async () => pageOf({ event_id: KNOWN.event }),
    async delivery(environment, id) {
      known('delivery', environment, id);
      return { delivery_id: id, attempts: [] };
    },
    deliveries: async () => pageOf({ delivery_id: KNOWN.delivery }),
    captured: async () => pageOf({ message_id: KNOWN.message }),
    async live(_environment, filter, afterEventId) {
      if (afterEventId !== null && afterEventId !== KNOWN.event)
        throw new PostriderError('gone', 'past retention');
      const reader = new FakeReader(filter, afterEventId);
      fake.live.push(reader);
      return reader;
    },
  };
}

/** A live reader fed by the test. */
export class FakeReader implements LiveReader {
  readonly filter: unknown;
  readonly afterEventId: string | null;
  closed = false;
  /** Called whenever the door asks for more. */
  onAsked: () => void = () => {};
  #ready: LiveEvent[] = [];
  #wake: (() => void) | null = null;

  constructor(filter: unknown, afterEventId: string | null) {
    this.filter = filter;
    this.afterEventId = afterEventId;
  }

  push(...events: LiveEvent[]): void {
    this.#ready.push(...events);
    this.#wake?.();
  }

  async next(): Promise<LiveEvent[]> {
    this.onAsked();
    while (this.#ready.length === 0 && !this.closed)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    return this.#ready.splice(0);
  }

  lastSeen(): string | null {
    return null;
  }

  close(): void {
    this.closed = true;
    this.#ready = [];
    this.#wake?.();
  }
}
