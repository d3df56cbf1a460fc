/** Endpoints over the API: made, changed, tested, rotated, enabled and disabled. */

import { randomBytes } from 'node:crypto';
import type {
  EndpointObject,
  EndpointStatsObject,
  EndpointTestAnswer,
  RotateSecretAnswer,
} from '@postrider/contract/schemas/endpoint';
import { SECRET_PREFIX } from '@postrider/contract/sign';
import type { EnvironmentClocks } from '../base/clock.ts';
import { newId } from '../base/ids.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { invalid, notFound, PostriderError } from '../domain/errors.ts';
import type { Environment } from '../domain/tenancy.ts';
import type {
  EndpointChange,
  Idempotency,
  Idempotent,
  NewEndpoint,
  Page,
  PageRequest,
} from '../store/ports.ts';
import type { Attempt } from './attempt.ts';
import { readCreate, readPatch, sampleProblem, type EndpointPolicy } from './endpoint-rules.ts';
import {
  endpointObject,
  overlapUntil,
  statsObject,
  type LaneFigures,
  type LaneState,
} from './endpoint-view.ts';
import type { Guard } from './guard.ts';
import { endpointDisabled } from './operational.ts';
import { isEventType, sampleEvent } from './sample-events.ts';
import type { Opener, ToSign } from './signing.ts';
import { Slots } from './slots.ts';

export interface EndpointStore {
  createEndpoint(
    endpoint: NewEndpoint,
    idempotency: Idempotency | null,
  ): Promise<Idempotent<{ endpoint: Endpoint }>>;
  updateEndpoint(env: number, endpoint_id: string, change: EndpointChange): Promise<Endpoint>;
  deleteEndpoint(env: number, endpoint_id: string, now: number): Promise<void>;
  getEndpoint(env: number, endpoint_id: string): Promise<Endpoint | null>;
  listEndpoints(env: number, page: PageRequest): Promise<Page<Endpoint>>;
  discardLane(lane: number, through: number, limit: number, now: number): Promise<number>;
  endpointStats(lane: number, since: number): Promise<LaneFigures>;
}

/** What publishing knows that the store does not. */
export interface LaneView {
  laneCount(env: number): number;
  laneState(lane: number): LaneState | Promise<LaneState>;
}

/** Sends one request past every lane. */
export interface Samples {
  send(endpoint: Endpoint, item: ToSign): Promise<Attempt<null>>;
}

/** The settings that matter here, by the names of `config.default.toml`. */
export interface EndpointConfig {
  publish: {
    retry_schedule: readonly number[];
    timeout_ms: number;
    max_in_flight: number;
    plain_http: 'loopback' | 'never';
  };
  limits: { endpoints: number; url_bytes: number; endpoint_header_bytes: number; filter_bytes: number };
}

export interface EndpointsParts {
  store: EndpointStore;
  clocks: EnvironmentClocks;
  seal: Opener & { seal(plain: string): string };
  guard: Guard;
  publisher: LaneView;
  samples: Samples;
  config: EndpointConfig;
}

const SECRET_BYTES = 32;
const HOUR_MS = 3_600_000;
const DISCARD_CHUNK = 500;
/** Samples under way at once: each may take as long as its endpoint's timeout. */
const TESTS = { most: 128, mostOfOne: 32 };

export class Endpoints {
  readonly #parts: EndpointsParts;
  readonly #policy: EndpointPolicy;
  readonly #tests = new Slots(TESTS);

  constructor(parts: EndpointsParts) {
    this.#parts = parts;
    const { publish, limits } = parts.config;
    this.#policy = {
      addresses: parts.guard.addresses,
      url: { plainHttpOnLoopback: publish.plain_http === 'loopback', maxBytes: limits.url_bytes },
      headerBytes: limits.endpoint_header_bytes,
      filterBytes: limits.filter_bytes,
    };
  }

  /** The endpoint with its secret; a repeated call answers with the same one. */
  async create(
    environment: Environment,
    body: unknown,
    idempotency: Idempotency | null,
  ): Promise<EndpointObject> {
    const { store, clocks, seal } = this.#parts;
    const asked = readCreate(body, this.#policy);
    const most = this.#parts.config.limits.endpoints;
    if (this.#parts.publisher.laneCount(environment.env) >= most) {
      throw new PostriderError(
        'conflict',
        `There are ${most} endpoints already (limits.endpoints); delete one first.`,
      );
    }
    const { endpoint } = await store.createEndpoint(
      {
        ...this.#defaults(),
        ...asked,
        endpoint_id: newId('end'),
        env: environment.env,
        secret_sealed: seal.seal(newSecret()),
        created_at: clocks.now(environment.env),
      },
      idempotency,
    );
    return this.#withSecret(endpoint, environment);
  }

  async list(environment: Environment, page: PageRequest): Promise<Page<EndpointObject>> {
    const { data, next_cursor } = await this.#parts.store.listEndpoints(environment.env, page);
    return { data: data.map((endpoint) => this.#shown(endpoint, environment)), next_cursor };
  }

  async get(
    environment: Environment,
    endpoint_id: string,
    options: { with_secret: boolean } = { with_secret: false },
  ): Promise<EndpointObject> {
    const endpoint = await this.#find(environment, endpoint_id);
    return options.with_secret ? this.#withSecret(endpoint, environment) : this.#shown(endpoint, environment);
  }

  async patch(environment: Environment, endpoint_id: string, body: unknown): Promise<EndpointObject> {
    const change = readPatch(body, this.#policy, await this.#find(environment, endpoint_id));
    return this.#update(environment, endpoint_id, change);
  }

  async remove(environment: Environment, endpoint_id: string): Promise<void> {
    const { store, clocks } = this.#parts;
    await store.deleteEndpoint(environment.env, endpoint_id, clocks.now(environment.env));
  }

  /** Sends a sample, marked as one, straight to the endpoint: past the lane, stored nowhere, retried never. */
  async test(
    environment: Environment,
    endpoint_id: string,
    event_type = 'delivered',
  ): Promise<EndpointTestAnswer> {
    const endpoint = await this.#find(environment, endpoint_id);
    if (!isEventType(event_type)) {
      throw invalid([
        { path: '/event_type', message: 'is no event type; for example `delivered` or `custom.order.paid`' },
      ]);
    }
    const problem = sampleProblem(endpoint.dialect, event_type);
    if (problem !== null) throw invalid([{ path: '/event_type', message: problem }]);
    const { clocks, samples } = this.#parts;
    const sample = sampleEvent(event_type, environment.name, clocks.now(environment.env));
    const toSign = { ...sample, seq: 0, attempt: 1, replay_id: null, test: true };
    const send = () => samples.send(endpoint, toSign);
    return testAnswer(await this.#tests.hold(environment.env, 'samples are under way', send));
  }

  /**
   * The last secret signs beside the new one for the overlap. Within the overlap of an earlier rotation, its old
   * secret keeps that place and the one in between stops signing (`SecretRotation`).
   */
  async rotateSecret(
    environment: Environment,
    endpoint_id: string,
    overlap_seconds: number,
  ): Promise<RotateSecretAnswer> {
    const { clocks, seal } = this.#parts;
    const secret = newSecret();
    const wallNow = clocks.wallNow();
    const endpoint = await this.#change(environment, endpoint_id, {
      rotate: {
        secret_sealed: seal.seal(secret),
        at: wallNow,
        until: overlap_seconds > 0 ? wallNow + overlap_seconds * 1000 : null,
      },
    });
    return { endpoint_id, secret, secret_overlap_until: overlapUntil(endpoint, wallNow) };
  }

  /** Without `backfill`, what was held until now is discarded first. Nothing happens to one that is enabled. */
  async enable(environment: Environment, endpoint_id: string, backfill: boolean): Promise<EndpointObject> {
    const endpoint = await this.#find(environment, endpoint_id);
    if (endpoint.status === 'enabled') return this.#shown(endpoint, environment);
    if (!backfill) await this.#discardHeld(endpoint);
    return this.#update(environment, endpoint_id, {
      status: 'enabled',
      disabled_reason: null,
      breaker: 'closed',
      failing_since: null,
    });
  }

  async #discardHeld({ lane, env }: Endpoint): Promise<void> {
    const { store, clocks } = this.#parts;
    let discarded: number;
    do {
      discarded = await store.discardLane(lane, Number.MAX_SAFE_INTEGER, DISCARD_CHUNK, clocks.now(env));
    } while (discarded === DISCARD_CHUNK);
  }

  /** Deliveries are held from now on. Nothing happens to one that is disabled. */
  async disable(environment: Environment, endpoint_id: string): Promise<EndpointObject> {
    const endpoint = await this.#find(environment, endpoint_id);
    if (endpoint.status === 'disabled') return this.#shown(endpoint, environment);
    const reason = 'Disabled by request.';
    const at = this.#parts.clocks.now(environment.env);
    return this.#update(environment, endpoint_id, {
      status: 'disabled',
      disabled_reason: reason,
      events: [endpointDisabled(endpoint, reason, at)],
    });
  }

  async stats(environment: Environment, endpoint_id: string): Promise<EndpointStatsObject> {
    const { store, clocks, publisher } = this.#parts;
    const { lane, env } = await this.#find(environment, endpoint_id);
    const now = clocks.now(env);
    return statsObject(await store.endpointStats(lane, now - HOUR_MS), await publisher.laneState(lane), now);
  }

  #defaults(): Omit<NewEndpoint, 'url' | 'endpoint_id' | 'env' | 'secret_sealed' | 'created_at'> {
    const { retry_schedule, timeout_ms, max_in_flight } = this.#parts.config.publish;
    return {
      description: '',
      event_types: [],
      filter: null,
      dialect: 'postrider',
      headers: {},
      retry_schedule: [...retry_schedule],
      timeout_ms,
      max_in_flight,
      rate_limit: null,
      ordering: 'none',
      batch: null,
    };
  }

  async #find(environment: Environment, endpoint_id: string): Promise<Endpoint> {
    const endpoint = await this.#parts.store.getEndpoint(environment.env, endpoint_id);
    if (endpoint === null) throw notFound('endpoint', endpoint_id);
    return endpoint;
  }

  async #update(
    environment: Environment,
    endpoint_id: string,
    change: Omit<EndpointChange, 'updated_at'>,
  ): Promise<EndpointObject> {
    return this.#shown(await this.#change(environment, endpoint_id, change), environment);
  }

  #change(
    { env }: Environment,
    endpoint_id: string,
    change: Omit<EndpointChange, 'updated_at'>,
  ): Promise<Endpoint> {
    const { store, clocks } = this.#parts;
    return store.updateEndpoint(env, endpoint_id, { ...change, updated_at: clocks.now(env) });
  }

  #shown(endpoint: Endpoint, environment: Environment): EndpointObject {
    return endpointObject(endpoint, environment.name, this.#parts.clocks.wallNow());
  }

  #withSecret(endpoint: Endpoint, environment: Environment): EndpointObject {
    return { ...this.#shown(endpoint, environment), secret: this.#parts.seal.open(endpoint.secret_sealed) };
  }
}

function testAnswer(attempt: Attempt<null>): EndpointTestAnswer {
  const { error, detail, status, latency_ms } = attempt;
  return {
    delivered: error === null,
    status: status === 0 ? null : status,
    latency_ms,
    response_body: attempt.excerpt,
    error: error === null ? null : detail === null ? error : `${error}: ${detail}`,
  };
}

function newSecret(): string {
  return SECRET_PREFIX + randomBytes(SECRET_BYTES).toString('base64');
}
