/** The Prometheus figures, in one place: names, help, buckets. Parts get the few functions they call. */

import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { FastHistogram } from './fast-histogram.ts';

const FAST = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** State that is asked for when the figures are collected; a part that cannot answer leaves its gauges out. */
export interface GaugeSources {
  publish(): {
    in_flight: number;
    lanes: number;
    lanes_held: number;
    lanes_parked: number;
    window_entries: number;
    window_bytes: number;
    unsettled: number;
  };
  store(): Promise<{ commit_queue: number; wal_bytes: number; database_bytes: number; writable: boolean }>;
  smtp(): { connections: number; pending_bytes: number };
  diskFreeBytes(): Promise<number>;
  /** Whether new work is refused for this reason. */
  refusing(): { disk: boolean; memory: boolean };
  queues(): Promise<{ deliveries: number; recipients: number; oldest_delivery_seconds: number | null }>;
}

export class Metrics {
  readonly registry = new Registry();
  readonly #requests = this.#counter('http_requests_total', 'HTTP requests answered.', ['method', 'status']);
  readonly #requestSeconds = this.#histogram('http_request_seconds', 'Time to answer an HTTP request.');
  readonly #attempts = this.#counter('delivery_attempts_total', 'Webhook attempts by outcome.', ['outcome']);
  readonly #attemptsBy = new Map<string, Counter.Internal>();
  readonly #attemptSeconds = this.#histogram('delivery_attempt_seconds', 'Time of one webhook attempt.');
  readonly #lag = this.#histogram(
    'delivery_lag_seconds',
    'From the making of an event to its first attempt.',
    [...FAST, 30, 60, 300, 1800, 7200],
  );
  readonly #commits = this.#histogram('commit_seconds', 'Time of one transaction, on disk included.');
  readonly #commands = this.#counter('commands_total', 'Commands committed or refused by the store.', []);
  readonly #submissions = this.#counter('smtp_transactions_total', 'SMTP transactions by their last reply.', [
    'reply',
  ]);
  readonly #authFailures = this.#counter('smtp_auth_failures_total', 'Failed SMTP authentications.', []);
  readonly #outcomes = this.#counter('transport_outcomes_total', 'Attempts by transports.', [
    'transport',
    'outcome',
  ]);
  #sources: GaugeSources | null = null;

  constructor() {
    // Event-loop delay, memory, CPU and garbage collection come with these.
    collectDefaultMetrics({ register: this.registry });
    this.#gauges();
  }

  readonly http = {
    request: (method: string, status: number, seconds: number): void => {
      this.#requests.inc({ method, status: String(status) });
      this.#requestSeconds.observe(seconds);
    },
  };

  readonly publish = {
    attempt: (outcome: string, latency_ms: number): void => {
      let counter = this.#attemptsBy.get(outcome);
      if (counter === undefined) {
        counter = this.#attempts.labels({ outcome });
        this.#attemptsBy.set(outcome, counter);
      }
      counter.inc();
      this.#attemptSeconds.observe(latency_ms / 1000);
    },
    lag: (ms: number): void => this.#lag.observe(ms / 1000),
  };

  readonly smtp = {
    transaction: (reply: string): void => this.#submissions.inc({ reply }),
    authFailure: (): void => this.#authFailures.inc(),
  };

  readonly transportOutcome = (transport: string, outcome: string): void =>
    this.#outcomes.inc({ transport, outcome });

  readonly commit = (milliseconds: number, commands: number): void => {
    this.#commits.observe(milliseconds / 1000);
    this.#commands.inc(commands);
  };

  /** To be called once the parts exist. */
  connect(sources: GaugeSources): void {
    this.#sources = {
      ...sources,
      store: shared(() => sources.store()),
      queues: shared(() => sources.queues()),
    };
  }

  #counter<T extends string>(name: string, help: string, labelNames: T[]): Counter<T> {
    return new Counter({ name: `postrider_${name}`, help, labelNames, registers: [this.registry] });
  }

  #histogram(name: string, help: string, buckets = FAST): FastHistogram {
    const histogram = new FastHistogram(`postrider_${name}`, help, buckets);
    this.registry.registerMetric(histogram.asMetric());
    return histogram;
  }

  #gauges(): void {
    this.#gauge('deliveries_in_flight', 'Webhook requests under way.', async (s) => s.publish().in_flight);
    this.#gauge('lanes', 'Lanes, one per endpoint.', async (s) => s.publish().lanes);
    this.#gauge(
      'lanes_held',
      'Lanes that do not send: disabled or broken endpoints.',
      async (s) => s.publish().lanes_held,
    );
    this.#gauge(
      'lanes_parked',
      'Lanes whose backlog is partly in the store only.',
      async (s) => s.publish().lanes_parked,
    );
    this.#gauge('window_entries', 'Deliveries held in memory.', async (s) => s.publish().window_entries);
    this.#gauge(
      'window_bytes',
      'Bytes of the deliveries held in memory.',
      async (s) => s.publish().window_bytes,
    );
    this.#gauge('results_unsettled', 'Results on their way to the disk.', async (s) => s.publish().unsettled);
    this.#gauge(
      'commit_queue',
      'Commands waiting for their commit.',
      async (s) => (await s.store()).commit_queue,
    );
    this.#gauge('wal_bytes', 'Size of the write-ahead log.', async (s) => (await s.store()).wal_bytes);
    this.#gauge(
      'database_bytes',
      'Size of the database file.',
      async (s) => (await s.store()).database_bytes,
    );
    this.#gauge('store_writable', '1 when the last commit succeeded.', async (s) =>
      Number((await s.store()).writable),
    );
    this.#gauge('smtp_connections', 'Open SMTP connections.', async (s) => s.smtp().connections);
    this.#gauge(
      'smtp_pending_bytes',
      'Octets of mail coming in by SMTP.',
      async (s) => s.smtp().pending_bytes,
    );
    this.#gauge('disk_free_bytes', 'Free space on the disk of the data folder.', async (s) =>
      s.diskFreeBytes(),
    );
    this.#gauge(
      'refusing_for_disk',
      '1 while nothing new is accepted because the disk is nearly full.',
      async (s) => Number(s.refusing().disk),
    );
    this.#gauge(
      'refusing_for_memory',
      '1 while nothing new is accepted because memory is nearly full.',
      async (s) => Number(s.refusing().memory),
    );
    this.#gauge('deliveries_pending', 'Deliveries in the queue.', async (s) => (await s.queues()).deliveries);
    this.#gauge(
      'recipients_pending',
      'Recipients waiting for a transport.',
      async (s) => (await s.queues()).recipients,
    );
    this.#gauge(
      'oldest_delivery_seconds',
      'Age of the oldest delivery in the queue.',
      async (s) => (await s.queues()).oldest_delivery_seconds ?? 0,
    );
  }

  #gauge(name: string, help: string, read: (sources: GaugeSources) => Promise<number>): void {
    const sources = (): GaugeSources | null => this.#sources;
    const gauge = new Gauge({
      name: `postrider_${name}`,
      help,
      registers: [],
      async collect() {
        const from = sources();
        if (from !== null) this.set(await read(from));
      },
    });
    this.registry.registerMetric(gauge);
  }
}

/** One call for all who ask before it has answered, so that a scrape asks once for what many gauges show. */
function shared<T>(read: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | null = null;
  return () => {
    underWay ??= read().finally(() => (underWay = null));
    return underWay;
  };
}
