/**
 * What goes in by the doors, closed loop, each item on disk before its answer: against the same bytes to servers that
 * keep nothing (node:http; smtp-sink for SMTP). Interleaved, order reversed each round, fresh processes for every
 * measurement, a tenth of the work before it to warm up. The client runs in this process, on the same machine.
 */

import { Pool } from 'undici';
import { findSmtpSink, startBareHttp, startSmtpSink } from './lib/bare-servers.ts';
import { closedLoop, type LoopFigures } from './lib/closed-loop.ts';
import { INGEST_CASES, type IngestCase } from './lib/ingest-cases.ts';
import { cpuMicros } from './lib/process-figures.ts';
import { startProduct, type Product } from './lib/product.ts';
import { SmtpClient } from './lib/smtp-client.ts';
import type { BenchOptions } from './lib/options.ts';
import { ratios } from './lib/pairs.ts';
import { shout, table } from './lib/report.ts';
import { spread } from './lib/statistics.ts';
import { conditions } from './lib/versions.ts';
import { until } from './lib/wait.ts';

interface Figures extends LoopFigures {
  /** Of the server, per item. */
  cpuMicros: number;
}
interface Measured {
  door: IngestCase;
  product: Figures[];
  /** Empty when there is nothing to measure against on this machine. */
  bare: Figures[];
}
/** Where a side's requests go. */
interface Target {
  pid: number;
  http: string;
  smtpPort: number;
  key: string | null;
}

export async function run(options: BenchOptions): Promise<string> {
  const { quick } = options;
  const rounds = options.rounds ?? 5;
  const events = options.events ?? (quick ? 200 : 20_000);
  const sink = findSmtpSink();
  if (sink === null) shout(NO_SINK);
  // A try shows each kind of client once.
  const doors = quick ? INGEST_CASES.slice(-2) : INGEST_CASES;
  const measured = doors.map((door): Measured => ({ door, product: [], bare: [] }));
  for (let round = 0; round < rounds; round++) {
    for (const one of measured) {
      await oneRound(one, events, sink, round);
      console.log(`round ${round + 1} of ${rounds}, ${one.door.name}: ${line(one)}`);
    }
  }
  return report(measured, rounds, sink !== null);
}

const NO_SINK = 'SKIPPED: smtp-sink is not installed (Debian: postfix), so SMTP is measured against nothing.';

async function oneRound(one: Measured, count: number, sink: string | null, round: number): Promise<void> {
  const { door } = one;
  const requests = Math.max(door.clients, Math.round((count * door.weight) / door.items));
  const sides = [async () => void one.product.push(await runProduct(door, requests))];
  if (door.http !== null || sink !== null)
    sides.push(async () => void one.bare.push(await runBare(door, requests, sink)));
  for (const side of round % 2 === 0 ? sides : sides.toReversed()) await side();
}

async function runProduct(door: IngestCase, requests: number): Promise<Figures> {
  const product = await startProduct();
  try {
    const { pid, http, smtp, keys } = product;
    const target = { pid, http, smtpPort: smtp.port, key: keys.sandbox };
    return await measure(target, door, requests, () => untilDelivered(product, door));
  } finally {
    await product.stop();
  }
}

async function runBare(door: IngestCase, requests: number, sink: string | null): Promise<Figures> {
  const server = door.http === null && sink !== null ? await startSmtpSink(sink) : await startBareHttp();
  try {
    const http = `http://127.0.0.1:${server.port}`;
    const target = { pid: server.pid, http, smtpPort: server.port, key: null };
    return await measure(target, door, requests, async () => {});
  } finally {
    await server.stop();
  }
}

/** `settled` resolves once nothing of what was sent goes on working. */
async function measure(
  target: Target,
  door: IngestCase,
  requests: number,
  settled: () => Promise<void>,
): Promise<Figures> {
  const { clients, items } = door;
  const warmUp = Math.max(clients, Math.round(requests / 10));
  const { open, close } = door.http === null ? smtpClients(target) : httpClients(target, door, door.http);
  try {
    await closedLoop({ clients, requests: warmUp, items }, open);
    await settled();
    const before = cpuMicros([target.pid]);
    const figures = await closedLoop({ clients, requests, items }, open);
    await settled();
    const cpu = cpuMicros([target.pid]) - before;
    return { ...figures, cpuMicros: cpu / (requests * items) };
  } finally {
    await close();
  }
}

interface Clients {
  open: () => Promise<() => Promise<void>>;
  close: () => Promise<void>;
}

function httpClients(
  { http, key }: Target,
  { clients }: IngestCase,
  { path, body }: { path: string; body: string },
): Clients {
  const pool = new Pool(http, { connections: clients });
  const headers = { authorization: `Bearer ${key ?? 'none'}`, 'content-type': 'application/json' };
  const send = async (): Promise<void> => {
    const answer = await pool.request({ method: 'POST', path, headers, body });
    const text = await answer.body.text();
    // One refused item would make the others look fast; a batch says so within its 202.
    if (answer.statusCode !== 202 || text.includes('"error"'))
      throw new Error(`POST ${path}: ${answer.statusCode} ${text.slice(0, 500)}`);
  };
  return { open: async () => send, close: () => pool.close() };
}

function smtpClients({ smtpPort, key }: Target): Clients {
  const opened: SmtpClient[] = [];
  return {
    open: async () => {
      const client = await SmtpClient.open(smtpPort, key);
      opened.push(client);
      return () => client.send();
    },
    close: async () => {
      for (const client of opened) client.close();
    },
  };
}

/** The sandbox delivers what it was given, and records that: part of the work of a message. */
async function untilDelivered(product: Product, door: IngestCase): Promise<void> {
  if (!door.goesOn) return;
  await until('everything was delivered', async () => {
    const { data } = await product.call('GET', '/v1/messages?status=accepted&limit=1');
    return (data as unknown[]).length === 0;
  });
}

function line({ product, bare }: Measured): string {
  const one = (figures: Figures | undefined): string =>
    figures === undefined
      ? 'not measured'
      : `${Math.round(figures.perSecond)}/s ${figures.cpuMicros.toFixed(1)} µs p50 ${figures.p50.toFixed(1)} ms p99 ${figures.p99.toFixed(1)} ms`;
  return `Postrider ${one(product.at(-1))}; bare ${one(bare.at(-1))}`;
}

function report(measured: readonly Measured[], rounds: number, hasSink: boolean): string {
  const rows = measured.flatMap(({ door, product, bare }) => [
    row(door, 'Postrider', product, rateRatios(product, bare)),
    ...(bare.length === 0 ? [] : [row(door, door.http === null ? 'smtp-sink' : 'node:http', bare, '')]),
  ]);
  return [
    `${rounds} rounds, closed loop, median [min–max]. Items: events or messages. Latency is that of a request.`,
    'Postrider: each item on disk before its answer. The others: body read and parsed, nothing kept.',
    "CPU is the server's, all threads; for a message that includes delivering it in the sandbox and recording that.",
    ...(hasSink ? [] : [NO_SINK]),
    conditions(),
    '',
    table(COLUMNS, rows),
  ].join('\n');
}

const COLUMNS = [
  'door',
  'clients',
  'server',
  'items/s',
  'p50, ms',
  'p99, ms',
  'CPU µs per item',
  'share of the bare rate',
];

function row(door: IngestCase, server: string, figures: readonly Figures[], ratio: string): string[] {
  const of = (pick: (one: Figures) => number, digits: number): string => spread(figures.map(pick), digits);
  return [
    door.name,
    String(door.clients),
    server,
    of((f) => f.perSecond, 0),
    of((f) => f.p50, 2),
    of((f) => f.p99, 2),
    of((f) => f.cpuMicros, 1),
    ratio,
  ];
}

function rateRatios(product: readonly Figures[], bare: readonly Figures[]): string {
  if (bare.length === 0) return '–';
  return spread(
    ratios(product, bare, (one) => one.perSecond),
    2,
  );
}
