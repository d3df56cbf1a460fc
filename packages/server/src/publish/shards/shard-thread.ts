/** One of several threads that publish: an engine of its own for its share of the lanes; the store is on the main thread. */

import { parentPort, workerData } from 'node:worker_threads';
import { EnvironmentClocks } from '../../base/clock.ts';
import { createLogger } from '../../base/logger.ts';
import { loadSeal } from '../../base/master-key.ts';
import { outboundGuard } from '../outbound-guard.ts';
import { Publisher, type PublisherStore } from '../publisher.ts';
import { Calls, outcomeOf } from './calls.ts';
import type { AttemptFigure, FromShard, Question, ShardOptions, StoreMethod, ToShard } from './protocol.ts';

const port = parentPort;
if (port === null) throw new Error('A shard runs as a worker thread.');

/** How often the figures go to the main thread. */
const FIGURES_MS = 250;

const { config, threads, offsets } = workerData as ShardOptions;
const clocks = new EnvironmentClocks();
for (const [env, offset_ms] of offsets) clocks.setOffset(env, offset_ms);
const calls = new Calls();
let attempts: AttemptFigure[] = [];
let lags: number[] = [];

function tell(message: FromShard): void {
  port?.postMessage(message);
}

const METHODS: readonly StoreMethod[] = [
  'allEndpoints',
  'expireHeld',
  'hasBlocked',
  'hastenLane',
  'loadFresh',
  'loadHead',
  'loadInOrder',
  'loadRetries',
  'loadUrgent',
  'nextRetryAt',
  'settle',
  'updateEndpoint',
];

/** The store as seen from here. */
function remoteStore(): PublisherStore {
  const park = (lane: number): void => tell({ kind: 'park', lane });
  const remote = METHODS.map((method) => [
    method,
    (...args: unknown[]) => calls.make((id) => tell({ kind: 'call', id, method, args })),
  ]);
  return { ...Object.fromEntries(remote), parkLane: park } as PublisherStore;
}

const publisher = new Publisher({
  store: remoteStore(),
  clocks,
  seal: loadSeal(config, null),
  guard: outboundGuard(config.publish),
  settings: config.publish,
  log: createLogger(config),
  logAttempts: config.log.attempts,
  threads,
  metrics: {
    attempt: (outcome, latency_ms) => void attempts.push([outcome, latency_ms]),
    lag: (ms) => void lags.push(ms),
  },
});

function answer(question: Question): unknown {
  if (question.about === 'start') return publisher.start();
  if (question.about === 'idle') return publisher.idle(question.env);
  if (question.about === 'next due') return publisher.nextDueAt(question.env);
  return publisher.laneState(question.lane);
}

function tellFigures(): void {
  tell({ kind: 'figures', gauges: publisher.gauges(), attempts, lags });
  attempts = [];
  lags = [];
}

async function stop(patience: number): Promise<void> {
  await publisher.stop(patience);
  clearInterval(timer);
  tellFigures();
  tell({ kind: 'stopped' });
  port?.close();
}

const timer = setInterval(tellFigures, FIGURES_MS);
port.on('message', (message: ToShard) => {
  if (message.kind === 'notice') publisher.onCommit(message.notice);
  else if (message.kind === 'offset') clocks.setOffset(message.env, message.offset_ms);
  else if (message.kind === 'answer') calls.answered(message.id, message.outcome);
  else if (message.kind === 'stop') void stop(message.patience);
  else {
    const { id, question } = message;
    void outcomeOf(() => answer(question)).then((outcome) => tell({ kind: 'reply', id, outcome }));
  }
});
