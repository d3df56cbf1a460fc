/** Builds everything from the settings, starts it in the order of the event's way, stops it in reverse. */

import { readFileSync } from 'node:fs';
import { EnvironmentClocks } from './base/clock.ts';
import type { Config } from './base/config.ts';
import { lockDataFolder } from './base/data-lock.ts';
import { Lifecycle } from './base/lifecycle.ts';
import type { Logger } from './base/logger.ts';
import { loadSeal } from './base/master-key.ts';
import { Metrics } from './base/metrics.ts';
import type { Seal } from './base/seal.ts';
import type { Environment } from './domain/tenancy.ts';
import { SqliteStore, type SqliteOptions } from './store/sqlite/store.ts';
import { Access } from './accept/access.ts';
import { CustomEvents } from './accept/custom-events.ts';
import { firstRunKeys, writeFirstRun, type FirstRun } from './accept/first-run.ts';
import { Submissions } from './accept/submissions.ts';
import { Deliverer } from './deliver/deliverer.ts';
import { SandboxTransport } from './deliver/sandbox-transport.ts';
import { Checkpoints } from './maintain/checkpoints.ts';
import { ClockAdvance } from './maintain/clock-advance.ts';
import { DiskGuard } from './maintain/disk-guard.ts';
import { MemoryGuard } from './maintain/memory-guard.ts';
import { Health } from './maintain/health.ts';
import { Retention } from './maintain/retention.ts';
import { BulkDeliveries } from './publish/bulk.ts';
import { Deliveries } from './publish/deliveries.ts';
import { Endpoints } from './publish/endpoints.ts';
import type { Guard } from './publish/guard.ts';
import { outboundGuard } from './publish/outbound-guard.ts';
import { Publisher } from './publish/publisher.ts';
import { ReplayRunner } from './publish/replay-runner.ts';
import { Replays } from './publish/replays.ts';
import { SampleSender } from './publish/samples.ts';
import { publishThreads, ShardedPublisher } from './publish/shards/sharded-publisher.ts';
import { ContentReader } from './query/content-reader.ts';
import { Feed } from './query/feed.ts';
import { Query } from './query/query.ts';
import { Recorder } from './record/recorder.ts';
import { Suppressions } from './record/suppressions.ts';
import { HttpDoor } from './http/door.ts';
import { DOOR_DEFAULTS } from './http/door-config.ts';
import { SmtpDoor } from './smtp/door.ts';
import { ownName } from './smtp/settings.ts';

export interface RunningServer {
  /** Base URL of the HTTP door. */
  http: string;
  /** `smtp://host:port`; null when the SMTP door is closed. */
  smtp: string | null;
  /** Keys to try things with; only in development. */
  firstRun: FirstRun | null;
  /** Doors close, attempts under way settle, the store closes. Never rejects. */
  stop(): Promise<void>;
}

export const VERSION = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

export { copyDatabase, inspectDatabase } from './store/sqlite/inspect.ts';

/** What the command line needs of a data folder when no server runs on it. */
export interface LocalParts {
  store: SqliteStore;
  access: Access;
  stop(): Promise<void>;
}

/** Opens the data folder without doors. Throws `DataFolderInUse` while a server runs on it. */
export async function openLocal(config: Config): Promise<LocalParts> {
  const lock = await lockDataFolder(config.data.dir, 0);
  try {
    const store = await openStore(config, { onDeath: crash });
    const seal = await sealOf(config, store).catch(async (error: unknown) => {
      await store.close();
      throw error;
    });
    const access = buildAccess(config, store, new EnvironmentClocks(), seal);
    return {
      store,
      access,
      stop: async () => {
        await store.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** A server that was told to stop may still be waiting for an endpoint's answer. */
const LOCK_WAIT_MS = 6000;

/** Starts everything; when a part cannot start, what was started is stopped again and the error passed on. */
export async function startServer(config: Config, log: Logger): Promise<RunningServer> {
  const lifecycle = new Lifecycle(({ name, error }) => log.error({ part: name, error }, 'part did not stop'));
  try {
    return await start(config, log, lifecycle);
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

async function start(config: Config, log: Logger, lifecycle: Lifecycle): Promise<RunningServer> {
  const lock = await lockDataFolder(config.data.dir, LOCK_WAIT_MS);
  lifecycle.add('data folder', async () => lock.release(), 100);
  const metrics = new Metrics();
  const clocks = new EnvironmentClocks();
  const onDeath = (error: Error): void => {
    log.error({ error }, 'the store is gone');
    crash(error);
  };
  const store = await openStore(config, { onCommitMeasured: metrics.commit, onDeath });
  lifecycle.add('store', () => store.close(), 2500);
  const environments = await store.listEnvironments();
  for (const { env, clock_offset_ms } of environments) clocks.setOffset(env, clock_offset_ms);

  const seal = await sealOf(config, store);
  const parts = buildParts(config, log, store, clocks, metrics, seal);
  store.onCommit((notice) => {
    parts.publisher.onCommit(notice);
    for (const { env, next_at } of notice.outgoing) parts.deliverer.onQueued(env, next_at);
    parts.query.onCommit(notice);
  });
  await parts.publisher.start();
  lifecycle.add('publisher', () => parts.publisher.stop(2000), 3700);
  lifecycle.add('health', async () => parts.health.stop(), 100);
  await parts.deliverer.start();
  lifecycle.add('deliverer', () => parts.deliverer.stop(1000), 1200);
  await parts.replayRunner.start();
  lifecycle.add('replays', () => parts.replayRunner.stop(), 1000);
  parts.retention.start();
  lifecycle.add('retention', () => parts.retention.stop(), 300);

  const keys =
    config.profile === 'development'
      ? await firstRunKeys(parts.access, config.data.dir, config.security.admin_key)
      : null;
  await startGuards(parts, lifecycle);
  const http = await openHttpDoor(config, log, parts, metrics, lifecycle);
  const smtpDoor = config.smtp.enabled ? buildSmtpDoor(config, log, parts, metrics) : null;
  const smtp = smtpDoor === null ? null : await openSmtpDoor(smtpDoor, lifecycle);
  connectGauges(metrics, parts, store, smtpDoor);
  const firstRun = keys === null ? null : { http, smtp, keys };
  if (firstRun !== null) writeFirstRun(config.data.dir, firstRun);
  return { http, smtp, firstRun, stop: () => lifecycle.stop() };
}

/** Ends the process: without its store it could only refuse, and a supervisor's restart recovers everything. */
function crash(error: Error): void {
  setImmediate(() => {
    throw error;
  });
}

function openStore(
  config: Config,
  hooks: Pick<SqliteOptions, 'onCommitMeasured' | 'onDeath'>,
): Promise<SqliteStore> {
  const cacheMb = Math.max(1, Math.round(config.store.cache_bytes / 2 ** 20));
  return SqliteStore.open({
    dir: config.data.dir,
    writerCacheMb: cacheMb,
    // Reads are few and recent; the writer's cache is the one that pays.
    readerCacheMb: Math.max(1, Math.round(cacheMb / 4)),
    walLimitBytes: config.store.wal_bytes,
    limits: { queueRows: config.limits.commit_queue, queueBytes: config.limits.commit_queue_bytes },
    ...hooks,
  });
}

async function sealOf(config: Config, store: SqliteStore): Promise<Seal> {
  const [first] = await store.allEndpoints();
  return loadSeal(config, first?.endpoint.secret_sealed ?? null);
}

function buildAccess(config: Config, store: SqliteStore, clocks: EnvironmentClocks, seal: Seal): Access {
  return new Access({ store, seal, clocks, adminKey: config.security.admin_key });
}

/** A hanging endpoint takes its timeout for each attempt on the way; longer stories take several calls. */
const ADVANCE_LIMIT_MS = 120_000;

interface Parts {
  access: Access;
  submissions: Submissions;
  customEvents: CustomEvents;
  deliverer: Deliverer;
  publisher: Publisher | ShardedPublisher;
  endpoints: Endpoints;
  deliveries: Deliveries;
  bulkDeliveries: BulkDeliveries;
  replays: Replays;
  replayRunner: ReplayRunner;
  feed: Feed;
  checkpoints: Checkpoints;
  suppressions: Suppressions;
  query: Query;
  clock: ClockAdvance;
  retention: Retention;
  disk: DiskGuard;
  memory: MemoryGuard;
  health: Health;
}

function buildParts(
  config: Config,
  log: Logger,
  store: SqliteStore,
  clocks: EnvironmentClocks,
  metrics: Metrics,
  seal: Seal,
): Parts {
  const access = buildAccess(config, store, clocks, seal);
  // Until routes and transports of the live environment exist, only the sandbox can carry mail.
  const canCarry = (environment: Environment): boolean => environment.name === 'sandbox';
  const content = new ContentReader();
  const deliverer = buildDeliverer(config, log, store, clocks, metrics, content, canCarry);
  const guard = outboundGuard(config.publish);
  const publisher = buildPublisher(config, log, store, clocks, metrics, seal, guard);
  const query = new Query({ store, content });
  const replayRunner = new ReplayRunner({ store, log });
  const checkpoints = new Checkpoints({ store, clocks });
  const { disk, memory } = buildGuards(config, log, store);
  return {
    access,
    submissions: new Submissions({
      store,
      clocks,
      limits: config.limits,
      canCarry,
      log,
      hostname: ownName(config.smtp),
    }),
    customEvents: new CustomEvents({ store, clocks, limits: config.limits }),
    deliverer,
    publisher,
    endpoints: new Endpoints({
      store,
      clocks,
      seal,
      guard,
      publisher,
      samples: new SampleSender({ clocks, seal, guard, settings: config.publish }),
      config,
    }),
    deliveries: new Deliveries({ store, clocks }),
    bulkDeliveries: new BulkDeliveries({ store, clocks }),
    replays: new Replays({
      store,
      clocks,
      runner: replayRunner,
      maxRunning: config.publish.max_replays,
    }),
    replayRunner,
    feed: new Feed(store),
    checkpoints,
    suppressions: new Suppressions({ store, clocks }),
    query,
    clock: new ClockAdvance({
      store,
      clocks,
      participants: [deliverer, publisher],
      log,
      limitMs: ADVANCE_LIMIT_MS,
    }),
    retention: new Retention({
      store,
      clocks,
      settings: config.retention,
      log,
      seal: (env, signal) => checkpoints.seal(env, signal),
    }),
    disk,
    memory,
    health: new Health({
      store,
      memory: () => memory.refusal,
      dataDir: config.data.dir,
      minFreeBytes: config.store.min_free_bytes,
      maxCommitQueue: config.limits.commit_queue,
    }),
  };
}

function buildDeliverer(
  config: Config,
  log: Logger,
  store: SqliteStore,
  clocks: EnvironmentClocks,
  metrics: Metrics,
  contents: ContentReader,
  canCarry: (environment: Environment) => boolean,
): Deliverer {
  const recorder = new Recorder({ store, clocks, schedule: config.deliver.deferral_schedule });
  const sandbox = new SandboxTransport({
    deferral_seconds: config.sandbox.deferral_seconds,
    content: async (env, message_id) => {
      const raw = await store.rawMessage(env, message_id);
      // What cannot be taken apart has no link to click.
      return raw === null ? null : contents.read(raw).catch(() => null);
    },
  });
  return new Deliverer({
    store,
    clocks,
    pick: (environment) => (canCarry(environment) ? sandbox : null),
    record: (item, attempt, outcome) => recorder.outcome(item, attempt, outcome),
    concurrency: config.deliver.concurrency,
    log,
    onOutcome: metrics.transportOutcome,
  });
}

function connectGauges(
  metrics: Metrics,
  { publisher, health, disk, memory }: Parts,
  store: SqliteStore,
  smtp: SmtpDoor | null,
): void {
  metrics.connect({
    publish: () => publisher.gauges(),
    store: () => store.health(),
    smtp: () => ({ connections: smtp?.connections ?? 0, pending_bytes: smtp?.pendingBytes ?? 0 }),
    refusing: () => ({ disk: disk.refusing, memory: memory.refusal !== null }),
    diskFreeBytes: async () => (await health.facts()).disk_free_bytes,
    queues: async () => {
      const { deliveries, recipients, oldest_delivery_at } = await store.queueDepth();
      const age = oldest_delivery_at === null ? null : Math.max(0, Date.now() - oldest_delivery_at) / 1000;
      return { deliveries, recipients, oldest_delivery_seconds: age };
    },
  });
}

function buildGuards(config: Config, log: Logger, store: SqliteStore): Pick<Parts, 'disk' | 'memory'> {
  return {
    disk: new DiskGuard({
      dir: config.data.dir,
      minFreeBytes: config.store.min_free_bytes,
      refuse: (reason) => store.refuseNew('disk', reason),
      log,
    }),
    memory: new MemoryGuard({
      maxBytes: config.limits.memory_bytes,
      refuse: (reason) => store.refuseNew('memory', reason),
      log,
    }),
  };
}

async function startGuards({ disk, memory }: Parts, lifecycle: Lifecycle): Promise<void> {
  memory.start();
  lifecycle.add('memory guard', async () => memory.stop(), 50);
  await disk.start();
  lifecycle.add('disk guard', async () => disk.stop(), 50);
}

/** In this thread, or spread over several. */
function buildPublisher(
  config: Config,
  log: Logger,
  store: SqliteStore,
  clocks: EnvironmentClocks,
  metrics: Metrics,
  seal: Seal,
  guard: Guard,
): Publisher | ShardedPublisher {
  const threads = publishThreads(config.publish.threads);
  if (threads > 1) {
    return new ShardedPublisher({ store, clocks, config, threads, metrics: metrics.publish, onDeath: crash });
  }
  return new Publisher({
    store,
    clocks,
    seal,
    guard,
    settings: config.publish,
    log,
    logAttempts: config.log.attempts,
    metrics: metrics.publish,
  });
}

async function openHttpDoor(
  config: Config,
  log: Logger,
  parts: Parts,
  metrics: Metrics,
  lifecycle: Lifecycle,
): Promise<string> {
  const door = new HttpDoor({
    services: { ...parts, readiness: () => parts.health.readiness() },
    config: {
      ...DOOR_DEFAULTS,
      ...config.http,
      json_depth: config.limits.json_depth,
      metrics_token: config.metrics.token === '' ? null : config.metrics.token,
      access_log: config.log.level === 'debug',
    },
    log,
    metricsPage: config.metrics.enabled ? metrics.registry : null,
    metrics: metrics.http,
    pressure: () => parts.memory.refusal,
    version: VERSION,
  });
  const { url } = await door.listen();
  lifecycle.add(
    'http door',
    async () => {
      parts.query.close();
      await door.close();
    },
    2000,
  );
  return url;
}

function buildSmtpDoor(config: Config, log: Logger, parts: Parts, metrics: Metrics): SmtpDoor {
  return new SmtpDoor({
    submissions: parts.submissions,
    access: parts.access,
    config: {
      ...config.smtp,
      recipients: config.limits.recipients,
      message_bytes: config.limits.message_bytes,
      profile: config.profile,
      data_dir: config.data.dir,
      shutdown_grace_ms: 1500,
    },
    log,
    metrics: metrics.smtp,
    pressure: () => parts.memory.refusal,
  });
}

async function openSmtpDoor(door: SmtpDoor, lifecycle: Lifecycle): Promise<string> {
  const { host, port } = await door.listen();
  lifecycle.add('smtp door', () => door.close(), 2000);
  return `smtp://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
