/** Endpoints, events and an engine for tests. */

import { newId } from '../../base/ids.ts';
import { EnvironmentClocks } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import type { DueDelivery, DueEvent } from '../../domain/delivery.ts';
import { DEFAULT_RETRY_SCHEDULE, type Endpoint } from '../../domain/endpoint.ts';
import { AddressRules } from '../address.ts';
import { Guard } from '../guard.ts';
import { Publisher, type PublisherParts } from '../publisher.ts';
import { FakeStore } from './fake-store.ts';

export const SECRET = 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=';

/** Seals by writing backwards: enough to see that nothing unsealed is used. */
export const PLAIN_SEAL = {
  seal: (text: string) => text.split('').toReversed().join(''),
  open: (text: string) => text.split('').toReversed().join(''),
};

export function anEndpoint(lane: number, url: string, change: Partial<Endpoint> = {}): Endpoint {
  return {
    lane,
    endpoint_id: newId('end'),
    env: 1,
    url,
    description: '',
    event_types: [],
    filter: null,
    dialect: 'postrider',
    headers: {},
    retry_schedule: [...DEFAULT_RETRY_SCHEDULE],
    timeout_ms: 10_000,
    max_in_flight: 64,
    rate_limit: null,
    ordering: 'none',
    batch: null,
    status: 'enabled',
    disabled_reason: null,
    breaker: 'closed',
    failing_since: null,
    secret_sealed: PLAIN_SEAL.seal(SECRET),
    previous_secret_sealed: null,
    previous_secret_until: null,
    created_at: 0,
    updated_at: 0,
    ...change,
  };
}

export function anEvent(n: number, event_type = 'delivered'): DueEvent {
  const event_id = newId('evt');
  const message_id = newId('msg');
  const timestamp = new Date().toISOString();
  const envelope = `{"event_id":"${event_id}","event_type":"${event_type}","timestamp":"${timestamp}","message_id":"${message_id}","recipient":"user${n}@example.com","data":{"smtp_response":"250 2.0.0 OK","server":"mx.example.com","delivery_latency_ms":812,"n":${n}},"environment":"live","tags":[],"metadata":{},"campaign_id":null,"state":{"status":"delivered","previous":"accepted","terminal":false}}`;
  return { event_id, event_type, message_id, envelope };
}

/** Another event of the message of `event`. */
export function sameMessage(event: DueEvent, event_type: string): DueEvent {
  const other = anEvent(0, event_type);
  const { message_id } = event;
  const envelope = other.envelope.replace(other.message_id as string, message_id as string);
  return { ...other, message_id, envelope };
}

/** A delivery as the store hands it over. */
export function aDelivery(seq: number, change: Partial<DueDelivery> = {}): DueDelivery {
  return { seq, log: seq, attempts: 0, base: 0, due_at: 0, replay_id: null, event: anEvent(seq), ...change };
}

export function someEvents(count: number): DueEvent[] {
  return Array.from({ length: count }, (_, n) => anEvent(n));
}

export const SETTINGS = {
  budget: 256,
  window: 1000,
  drain_bytes: 65_536,
  excerpt_bytes: 1_024,
  user_agent: 'Postrider/test',
  probe_seconds: 300,
  max_hold_hours: 72,
  disable_after_days: 5,
};

export function loopbackGuard(): Guard {
  return new Guard({ addresses: new AddressRules({ loopback: true, allow: [] }) });
}

export interface Engine {
  store: FakeStore;
  clocks: EnvironmentClocks;
  publisher: Publisher;
}

/** An engine on a store in memory, allowed to call loopback. */
export function anEngine(change: Partial<PublisherParts> = {}): Engine {
  const store = new FakeStore();
  const clocks = change.clocks ?? new EnvironmentClocks();
  const publisher = new Publisher({
    store,
    clocks,
    seal: PLAIN_SEAL,
    guard: loopbackGuard(),
    settings: SETTINGS,
    log: silentLogger,
    logAttempts: false,
    random: () => 0.5,
    ...change,
  });
  store.listener = (notice) => publisher.onCommit(notice);
  return { store, clocks, publisher };
}
