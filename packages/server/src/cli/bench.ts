/** `postrider bench`: how fast this installation takes events and delivers them, from one end to the other. */

import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '../base/ids.ts';
import type { Command } from 'commander';
import { call, request } from './client.ts';
import { CliError, usage } from './failure.ts';
import { findTarget, withTarget, type Target, type TargetOptions } from './target.ts';
import { table, type Terminal } from './terminal.ts';

interface BenchOptions extends TargetOptions {
  events: string;
  rate?: string;
  batch: string;
  inFlight: string;
}

interface Plan {
  events: number;
  /** Events offered per second; null = as fast as they are taken. */
  rate: number | null;
  batch: number;
  inFlight: number;
}

const CLIENTS = 4;
/** Without any event arriving for this long it is over. */
const STALL_MS = 30_000;
const PROGRESS_MS = 1_000;

export function addBench(program: Command, terminal: Terminal): void {
  withTarget(program.command('bench'))
    .description('measure this installation: events in, signed webhooks out to a receiver of this command')
    .option('--events <number>', 'how many events', '20000')
    .option('--rate <per second>', 'offer them at this rate (default: as fast as they are taken)')
    .option('--batch <number>', 'events in one request', '100')
    .option('--in-flight <number>', 'webhooks under way at once', '64')
    .addHelpText(
      'after',
      `
Makes an endpoint that points at a port of this machine, sends an application's own events, waits for all of them and
deletes the endpoint. The server must be allowed to call this machine (the development profile is). Use the sandbox: the
events stay in the environment until their retention ends.

Latency is counted from the moment an event was to be offered until its webhook arrived.

Examples:
  postrider bench
  postrider bench --events 30000 --rate 500 --batch 1`,
    )
    .action((options: BenchOptions) => bench(options, terminal));
}

async function bench(options: BenchOptions, terminal: Terminal): Promise<void> {
  const plan = readPlan(options);
  const target = findTarget(options, terminal);
  const arrivals = new Arrivals();
  const { server, url } = await receive(arrivals);
  const event_type = `custom.bench.${newId('bat').slice(4)}`;
  try {
    const { endpoint_id } = await call<{ endpoint_id: string }>(target, '/v1/endpoints', {
      method: 'POST',
      body: { url, event_types: [event_type], description: 'postrider bench', max_in_flight: plan.inFlight },
    });
    try {
      await measure(target, plan, event_type, arrivals, terminal);
    } finally {
      await call(target, `/v1/endpoints/${endpoint_id}`, { method: 'DELETE' });
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function measure(
  target: Target,
  plan: Plan,
  event_type: string,
  arrivals: Arrivals,
  terminal: Terminal,
): Promise<void> {
  const begun = performance.now();
  const progress = setInterval(() => terminal.note(`${arrivals.count} of ${plan.events}`), PROGRESS_MS);
  try {
    const offering = offer(target, plan, event_type, arrivals, begun, terminal.signal);
    const [accepted_ms] = await Promise.all([offering, arrivals.all(plan.events, terminal.signal)]);
    report(plan, accepted_ms, performance.now() - begun, arrivals, terminal);
  } finally {
    clearInterval(progress);
  }
}

function report(
  plan: Plan,
  accepted_ms: number,
  total_ms: number,
  arrivals: Arrivals,
  terminal: Terminal,
): void {
  const perSecond = (ms: number): string => String(Math.round((plan.events / ms) * 1000));
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  const latencies = arrivals.latencies.toSorted((a, b) => a - b);
  const at = (q: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(q * latencies.length))] ?? 0;
  terminal.out(
    table(
      ['measured', 'value'],
      [
        ['events accepted per second', perSecond(accepted_ms)],
        ['webhooks delivered per second', perSecond(total_ms)],
        ['latency, median', ms(at(0.5))],
        ['latency, 99th percentile', ms(at(0.99))],
        ['latency, largest', ms(at(1))],
        ['arrived more than once', String(arrivals.repeated)],
      ],
    ),
  );
}

/** Resolves to the time until the last one was accepted, ms. */
async function offer(
  target: Target,
  plan: Plan,
  event_type: string,
  arrivals: Arrivals,
  begun: number,
  signal: AbortSignal,
): Promise<number> {
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < plan.events && !signal.aborted) {
      const first = next;
      const count = Math.min(plan.batch, plan.events - first);
      next += count;
      if (plan.rate !== null)
        await sleep(Math.max(0, begun + (first / plan.rate) * 1000 - performance.now()));
      const at = plan.rate === null ? performance.now() : begun + (first / plan.rate) * 1000;
      const events = Array.from({ length: count }, (_, n) => {
        arrivals.offered(first + n, at);
        return { event_type, data: { n: first + n, text: 'measured by postrider bench' } };
      });
      await post(target, { events }, signal);
    }
  };
  await Promise.all(Array.from({ length: plan.rate === null ? CLIENTS : CLIENTS * 16 }, client));
  return performance.now() - begun;
}

/** What is refused under load is offered again: that is part of what is measured. */
async function post(target: Target, body: object, signal: AbortSignal): Promise<void> {
  for (;;) {
    const answer = await request(target, '/v1/events', {}, { method: 'POST', body, signal });
    const text = await answer.text();
    if (answer.status === 202) return;
    if (answer.status !== 503)
      throw new CliError(`The server answered ${answer.status}: ${text.slice(0, 300)}`);
    await sleep(100, undefined, { signal });
  }
}

/** When each event was offered, and how long its webhook took. */
class Arrivals {
  readonly latencies: number[] = [];
  readonly #offered = new Map<number, number>();
  repeated = 0;
  #lastAt = performance.now();

  get count(): number {
    return this.latencies.length;
  }

  offered(n: number, at: number): void {
    this.#offered.set(n, at);
  }

  arrived(n: number): void {
    const at = this.#offered.get(n);
    this.#lastAt = performance.now();
    if (at === undefined) {
      this.repeated++;
      return;
    }
    this.#offered.delete(n);
    this.latencies.push(this.#lastAt - at);
  }

  async all(events: number, signal: AbortSignal): Promise<void> {
    while (this.count < events) {
      if (performance.now() - this.#lastAt > STALL_MS)
        throw new CliError(`Only ${this.count} of ${events} events arrived; none for ${STALL_MS / 1000} s.`);
      await sleep(5, undefined, { signal });
    }
  }
}

async function receive(arrivals: Arrivals): Promise<{ server: Server; url: string }> {
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const n = numberOf(Buffer.concat(chunks).toString());
      if (n !== null) arrivals.arrived(n);
      response.writeHead(n === null ? 400 : 204).end();
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

/** Null for what is none of ours: the port is open to whoever is on this machine. */
function numberOf(body: string): number | null {
  try {
    const { data } = JSON.parse(body) as { data?: { n?: unknown } };
    return typeof data?.n === 'number' ? data.n : null;
  } catch {
    return null;
  }
}

function readPlan({ events, rate, batch, inFlight }: BenchOptions): Plan {
  return {
    events: whole('--events', events, 10_000_000),
    rate: rate === undefined ? null : whole('--rate', rate, 1_000_000),
    batch: whole('--batch', batch, 1_000),
    inFlight: whole('--in-flight', inFlight, 1_000),
  };
}

function whole(flag: string, text: string, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most)
    throw usage(`${flag}: ${text} must be a whole number from 1 to ${most}.`);
  return value;
}
