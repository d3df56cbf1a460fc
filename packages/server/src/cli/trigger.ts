/** `postrider trigger EVENT`: makes an event happen in the sandbox, by the way it happens in earnest. */

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventEnvelope } from '@postrider/contract/events';
import type { Command } from 'commander';
import { call } from './client.ts';
import { CliError, usage } from './failure.ts';
import type { Accepted } from './send.ts';
import { eventLine } from './tail.ts';
import { findTarget, withTarget, type Target, type TargetOptions } from './target.ts';
import type { Terminal } from './terminal.ts';

interface TriggerOptions extends TargetOptions {
  data?: string;
  recipient?: string;
  timeout: string;
  json?: boolean;
}

/** The sandbox recipient whose story has the event. */
const STORY: Record<string, string> = {
  accepted: 'delivered',
  delivered: 'delivered',
  deferred: 'defer',
  soft_bounce: 'soft-bounce',
  bounce: 'bounce',
  complaint: 'complaint',
  unsubscribe: 'unsubscribe',
  open: 'open',
  click: 'click',
};
const TRIGGERS = [
  ...Object.keys(STORY),
  'dropped',
  'suppression.added',
  'suppression.removed',
  'custom.<name>',
];
const POLL_MS = 100;

export function addTrigger(program: Command, terminal: Terminal): void {
  withTarget(program.command('trigger'))
    .description('make an event happen in the sandbox')
    .argument('<event>', `one of ${TRIGGERS.join(', ')}`)
    .option('--data <json>', 'data of a custom event', '{}')
    .option('--recipient <address>', 'recipient of a custom event')
    .option('--timeout <seconds>', 'how long to wait for the event', '30')
    .option('--json', 'print whole events as JSON, a line each')
    .addHelpText(
      'after',
      `
Each call uses an address of its own, so suppressions of one do not change the next.

Examples:
  postrider trigger bounce
  postrider trigger complaint
  postrider trigger custom.order_paid --data '{"order": 42}'`,
    )
    .action((event: string, options: TriggerOptions) => trigger(event, options, terminal));
}

async function trigger(type: string, options: TriggerOptions, terminal: Terminal): Promise<void> {
  const seconds = Number(options.timeout);
  if (!(seconds > 0)) throw usage('--timeout must be a number of seconds.');
  const show = (event: EventEnvelope): void =>
    terminal.out(options.json === true ? JSON.stringify(event) : eventLine(event));
  if (type.startsWith('custom.')) return triggerCustom(type, options, terminal, show);
  const target = findTarget(options, terminal);
  const { environment } = await call<{ environment: string }>(target, '/v1/environment');
  if (environment !== 'sandbox') throw usage('Events are triggered in the sandbox only: use a pr_test_ key.');

  const own = randomBytes(5).toString('hex');
  if (type.startsWith('suppression.'))
    return triggerSuppression(type, `trigger+${own}@sandbox.test`, target, show);
  const story = type === 'dropped' ? 'dropped' : STORY[type];
  if (story === undefined) throw usage(`${type} cannot be triggered; these can: ${TRIGGERS.join(', ')}.`);
  const recipient = `${story}+${own}@sandbox.test`;
  if (type === 'dropped')
    await call(target, '/v1/suppressions', { method: 'POST', body: { address: recipient } });
  const { message_id } = await call<Accepted>(target, '/v1/messages', {
    method: 'POST',
    body: {
      from: 'Postrider <trigger@sandbox.test>',
      to: recipient,
      subject: `Trigger ${type}`,
      html: '<p>Made by <a href="https://example.com/">postrider trigger</a>.</p>',
      track: { opens: true, clicks: true },
    },
  });
  await follow(target, `/v1/messages/${message_id}/events`, type, seconds, terminal, show);
}

/** Shows the message's events, oldest first, until the wanted one is there. */
async function follow(
  target: Target,
  path: string,
  wanted: string,
  seconds: number,
  terminal: Terminal,
  show: (event: EventEnvelope) => void,
): Promise<void> {
  const seen = new Set<string>();
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const { data } = await call<{ data: EventEnvelope[] }>(target, path, { signal: terminal.signal });
    const fresh = data.filter((event) => !seen.has(event.event_id));
    fresh.sort((a, b) => (a.event_id < b.event_id ? -1 : 1));
    for (const event of fresh) {
      seen.add(event.event_id);
      show(event);
    }
    if (data.some((event) => event.event_type === wanted)) return;
    if (performance.now() > deadline) throw new CliError(`${wanted} did not happen within ${seconds} s.`);
    await sleep(POLL_MS, undefined, { signal: terminal.signal });
  }
}

async function triggerCustom(
  type: string,
  options: TriggerOptions,
  terminal: Terminal,
  show: (event: EventEnvelope) => void,
): Promise<void> {
  const target = findTarget(options, terminal);
  let data: unknown;
  try {
    data = JSON.parse(options.data ?? '{}');
  } catch (error) {
    throw usage(`--data is no JSON: ${(error as Error).message}`);
  }
  const recipient = options.recipient === undefined ? {} : { recipient: options.recipient };
  const made = await call<{ data: { event_id: string }[] }>(target, '/v1/events', {
    method: 'POST',
    body: { event_type: type, data, ...recipient },
  });
  for (const { event_id } of made.data) show(await call<EventEnvelope>(target, `/v1/events/${event_id}`));
}

async function triggerSuppression(
  type: string,
  address: string,
  target: Target,
  show: (event: EventEnvelope) => void,
): Promise<void> {
  if (type !== 'suppression.added' && type !== 'suppression.removed')
    throw usage(`${type} cannot be triggered; these can: ${TRIGGERS.join(', ')}.`);
  await call(target, '/v1/suppressions', { method: 'POST', body: { address } });
  if (type === 'suppression.removed')
    await call(target, `/v1/suppressions/${encodeURIComponent(address)}`, { method: 'DELETE' });
  const { data } = await call<{ data: EventEnvelope[] }>(target, '/v1/events', {
    query: { recipient: address },
  });
  for (const event of data.toReversed()) show(event);
}
