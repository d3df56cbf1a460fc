/**
 * kill -9 at random moments under load, on one data folder, life after life. What was acknowledged, what is on disk
 * after each kill, what the API shows in the end and what arrived at the endpoints are four records of their own, and
 * are compared with one another.
 *
 * A kill cannot tell `synchronous=FULL` from NORMAL: what the process has written the kernel still holds. Another test
 * traces the system calls for that.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EndpointStatsObject } from '@postrider/contract/schemas/endpoint';
import { Api } from '../kit/api.ts';
import { waitFor } from '../kit/wait.ts';
import { tallyApi, tallyDeliveries, type ApiFacts, type SeenEvent } from './api-tally.ts';
import { tallyArrivals, type Arrivals } from './arrivals.ts';
import { ServerLives, reservedPorts } from './server-lives.ts';
import { ENDPOINTS } from './endpoints-plan.ts';
import { EventLoad } from './event-load.ts';
import { SoakClient } from './http-client.ts';
import { Ledger } from './ledger.ts';
import { MessageLoad } from './message-load.ts';
import type { Load } from './pace.ts';
import { seeded, type Random } from './random.ts';
import { Receivers, type ReceivingEndpoint } from './receivers.ts';
import { Snapshots, type Found } from './snapshot.ts';

export interface KillOptions {
  kills: number;
  seed: number;
  eventsPerSecond: number;
  messagesPerSecond: number;
  /** Longest time from ready to kill, ms. */
  longestLife: number;
  stories: readonly string[];
  drainWithin_ms: number;
  say: (line: string) => void;
}

interface KillRow {
  kill: number;
  /** What it was doing, and for how long: since its start, or since it was ready. */
  phase: 'starting' | 'serving';
  after_ms: number;
  events: number;
  messages: number;
  walBytes: number;
  unsettled: number;
  faults: number;
}

export interface KillReport {
  rows: KillRow[];
  ledger: Ledger;
  uptime_ms: number;
  /** Per second of the time in which it served. */
  offered: { events: number; messages: number };
  accepted: { events: number; http: number; smtp: number };
  drain_ms: number;
  unsettled: number;
  api: ApiFacts;
  arrivals: Arrivals;
  deliveriesAsked: number;
  complaints: string[];
  /** Everything that is wrong. Empty: nothing was lost. */
  faults: string[];
}

const STARTING_SHARE = 0.25;
/** Events whose deliveries are asked of the API besides the database: this many, spread over all. */
const DELIVERIES_ASKED = 300;
/** Looking costs the server work; while it drains it is not to be busy with answering. */
const LOOK_MS = 100;
const PORTS_FROM = 20_000;
/** Small, so that the log is folded back every few seconds and kills fall into that too. */
const SETTINGS = {
  POSTRIDER_STORE_WAL_BYTES: String(4 * 2 ** 20),
  POSTRIDER_DELIVER_CONCURRENCY: '64',
  // The flaky endpoint's breaker opens with every outage; nobody moves the clock here.
  POSTRIDER_PUBLISH_PROBE_SECONDS: '1',
};

export async function killSoak(options: KillOptions): Promise<KillReport> {
  const dir = await mkdtemp(join(tmpdir(), 'postrider-soak-'));
  const random = seeded(options.seed);
  const server = new ServerLives(dir, await reservedPorts(PORTS_FROM + random.between(0, 10_000)), SETTINGS);
  const receivers = await Receivers.start(ENDPOINTS, random, () => server.lives);
  try {
    return await new KillSoak(options, random, server, receivers).run();
  } finally {
    await server.kill();
    await receivers.close();
    await rm(dir, { recursive: true, force: true });
  }
}

class KillSoak {
  readonly #options: KillOptions;
  readonly #random: Random;
  readonly #server: ServerLives;
  readonly #receivers: Receivers;
  readonly #ledger = new Ledger();
  readonly #snapshots: Snapshots;
  readonly #unsettled = new Map<number, Found['unsettled']>();
  readonly #rows: KillRow[] = [];
  readonly #faults: string[] = [];
  /** Names of our endpoints by their ids. */
  readonly #names = new Map<string, string>();
  #start_ms = 1_000;

  constructor(options: KillOptions, random: Random, server: ServerLives, receivers: Receivers) {
    this.#options = options;
    this.#random = random;
    this.#server = server;
    this.#receivers = receivers;
    this.#snapshots = new Snapshots(server.dir, this.#ledger, receivers.endpoints);
  }

  async run(): Promise<KillReport> {
    const { eventsPerSecond, messagesPerSecond, stories, kills, say } = this.#options;
    await this.#begin();
    const server = this.#server;
    const ledger = this.#ledger;
    const random = this.#random;
    const key = server.key();
    const client = new SoakClient(server, ledger, key);
    const events = new EventLoad(server, ledger, client, random, { perSecond: eventsPerSecond, atOnce: 128 });
    const mail = new MessageLoad({
      server,
      ledger,
      client,
      random,
      key,
      perSecond: messagesPerSecond,
      stories,
    });
    const loads = [events.load, ...mail.loads];
    for (const load of loads) load.start();
    const repeats: Promise<void>[] = [];
    for (let kill = 1; kill <= kills; kill++) {
      await this.#oneLife(kill, loads);
      server.start();
      repeats.push(events.repeatAfterRestart());
      say(rowLine(this.#rows.at(-1) as KillRow));
    }
    await server.untilReady();
    const rates = this.#rates();
    await Promise.all([...loads.map((load) => load.stop()), ...repeats]);
    await client.close();
    mail.close();
    return { ...(await this.#end()), ...rates };
  }

  #rates(): Pick<KillReport, 'uptime_ms' | 'offered' | 'accepted'> {
    const uptime_ms = this.#server.uptime;
    const perSecond = (count: number): number => Math.round(count / (uptime_ms / 1000));
    const { eventsSent, messages, acceptedEvents, acceptedMessages } = this.#ledger;
    const { http, batch, smtp } = acceptedMessages;
    return {
      uptime_ms,
      offered: { events: perSecond(eventsSent), messages: perSecond(messages.length) },
      accepted: { events: perSecond(acceptedEvents), http: perSecond(http + batch), smtp: perSecond(smtp) },
    };
  }

  /** The first start, and the endpoints. */
  async #begin(): Promise<void> {
    const begun = performance.now();
    this.#server.start();
    await this.#server.untilReady();
    this.#start_ms = performance.now() - begun;
    for (const plan of ENDPOINTS) {
      const url = this.#receivers.url(plan);
      const { endpoint_id } = await this.#api().createEndpoint({ url, ...plan.settings });
      this.#names.set(endpoint_id, plan.name);
    }
  }

  async #oneLife(kill: number, loads: readonly Load[]): Promise<void> {
    const server = this.#server;
    const starting = !server.isReady && this.#random.chance(STARTING_SHARE);
    let begun = performance.now();
    if (starting) {
      await moment(this.#random.next() * this.#start_ms * 1.2);
    } else {
      await server.untilReady();
      begun = performance.now();
      await moment(50 + this.#random.next() * (this.#options.longestLife - 50));
    }
    const phase = server.isReady ? 'serving' : 'starting';
    const after_ms = Math.round(performance.now() - begun);
    const life = server.lives;
    await server.kill();
    await this.#receivers.disconnected();
    for (const load of loads) load.check();
    const found = this.#snapshots.take(life);
    this.#unsettled.set(life, found.unsettled);
    this.#faults.push(...found.faults.map((fault) => `after kill ${kill}: ${fault}`));
    this.#rows.push({
      kill,
      phase,
      after_ms,
      events: this.#ledger.acceptedEvents,
      messages: this.#ledger.messagesAccepted,
      walBytes: found.walBytes,
      unsettled: sizeOf(found.unsettled),
      faults: found.faults.length,
    });
  }

  async #end(): Promise<Omit<KillReport, 'uptime_ms' | 'offered' | 'accepted'>> {
    const { say, drainWithin_ms } = this.#options;
    const ledger = this.#ledger;
    const begun = performance.now();
    await this.#drained(drainWithin_ms);
    const drain_ms = performance.now() - begun;
    say(`drained in ${(drain_ms / 1000).toFixed(1)} s; comparing`);
    const api = this.#api();
    const facts = await tallyApi(api, ledger);
    const asked = spread(facts.events, DELIVERIES_ASKED);
    const { endpoints } = this.#receivers;
    const deliveryFaults = await tallyDeliveries(api, asked, endpoints, this.#names);
    const code = await this.#server.stop();
    if (code !== 0) this.#faults.push(`SIGTERM in the end: exit code ${code}`);
    const whole = this.#snapshots.take(this.#server.lives, true);
    if (whole.events !== facts.events.length)
      this.#faults.push(`${whole.events} events in the database, ${facts.events.length} in the API`);
    const arrivals = tallyArrivals(facts.events, endpoints, this.#unsettled);
    const changed = ledger.changedAnswers.map((about) => `repeated, and answered otherwise: ${about}`);
    const faults = [
      this.#faults,
      facts.faults,
      deliveryFaults,
      whole.faults,
      arrivals.faults,
      changed,
    ].flat();
    const unsettled = [...this.#unsettled.values()].reduce((sum, found) => sum + sizeOf(found), 0);
    if (arrivals.duplicates.length > unsettled)
      faults.push(`${arrivals.duplicates.length} duplicates, but only ${unsettled} acknowledgements to lose`);
    return {
      rows: this.#rows,
      ledger,
      drain_ms,
      unsettled,
      api: facts,
      arrivals,
      deliveriesAsked: asked.length,
      complaints: this.#server.complaints,
      faults,
    };
  }

  /** Every recipient at its end, every delivery made but those of the dead endpoint. */
  async #drained(within_ms: number): Promise<void> {
    const api = this.#api();
    const end = performance.now() + within_ms;
    const left = (): number => Math.max(1, end - performance.now());
    const none = async (status: string): Promise<boolean> =>
      (await api.get<{ data: unknown[] }>(`/v1/messages?status=${status}&limit=1`)).data.length === 0;
    await waitFor(
      'end of every message',
      async () => (await none('accepted')) && (await none('deferred')),
      left(),
    );
    for (const [endpoint_id, name] of this.#names) {
      if (!this.#receivers.endpoints.some(({ plan }) => plan.name === name && plan.drains)) continue;
      const isEmpty = async (): Promise<boolean> => {
        await moment(LOOK_MS);
        return (await api.get<EndpointStatsObject>(`/v1/endpoints/${endpoint_id}/stats`)).pending === 0;
      };
      await waitFor(`end of the queue of ${name}`, isEmpty, left());
    }
  }

  #api(): Api {
    return new Api(this.#server.http, this.#server.key());
  }
}

function rowLine(row: KillRow): string {
  const { kill, phase, after_ms, events, messages, walBytes, unsettled, faults } = row;
  return `kill ${kill} after ${after_ms} ms (${phase}): ${events} events and ${messages} messages accepted, log ${Math.round(walBytes / 1024)} KB, ${unsettled} acknowledgements not committed, ${faults} faults`;
}

function sizeOf(unsettled: ReadonlyMap<ReceivingEndpoint, ReadonlySet<string>>): number {
  let size = 0;
  for (const ids of unsettled.values()) size += ids.size;
  return size;
}

/** For the random moment itself, which waits for nothing that could be looked at, and between two looks. */
function moment(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function spread(events: readonly SeenEvent[], count: number): SeenEvent[] {
  const step = Math.max(1, Math.floor(events.length / count));
  return events.filter((_, i) => i % step === 0).slice(0, count);
}
