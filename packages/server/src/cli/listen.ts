/** `postrider listen`: receives an environment's events and forwards them, signed, to a local URL. */

import { createHmac, randomBytes } from 'node:crypto';
import { SECRET_PREFIX, standardKey, standardSignature, type Hmac } from '@postrider/contract/sign';
import type { Command } from 'commander';
import { request as send } from 'undici';
import { readEvents, type StreamedEvent } from './event-stream.ts';
import { usage } from './failure.ts';
import { findTarget, withTarget, type TargetOptions } from './target.ts';
import type { Terminal } from './terminal.ts';

interface ListenOptions extends TargetOptions {
  forwardTo: string;
  eventTypes?: string;
  secret?: string;
  after?: string;
}

const TIMEOUT_MS = 10_000;
const hmac: Hmac<Uint8Array> = (key, head, body, encoding) =>
  createHmac('sha256', key).update(head).update(body).digest(encoding);

export function addListen(program: Command, terminal: Terminal): void {
  withTarget(program.command('listen'))
    .description('forward events to a local URL, signed as an endpoint would get them')
    .requiredOption(
      '--forward-to <url>',
      'where to POST each event, for example http://localhost:3000/webhooks',
    )
    .option('--event-types <types>', 'only these, separated by commas')
    .option('--secret <whsec>', 'signing secret (default: a new one, printed)')
    .option('--after <event_id>', 'start right after this event instead of now')
    .addHelpText(
      'after',
      `
The server needs no way to this machine: events are fetched over an outgoing connection. After a break it goes on
where it was, and nothing is left out. An event is forwarded once, in order, whatever the answer.

Examples:
  postrider listen --forward-to http://localhost:3000/webhooks
  postrider listen --forward-to http://localhost:3000/webhooks --event-types bounce,complaint`,
    )
    .action((options: ListenOptions) => listen(options, terminal));
}

async function listen(options: ListenOptions, terminal: Terminal): Promise<void> {
  const target = findTarget(options, terminal);
  const url = checkedForward(options.forwardTo);
  const secret = options.secret ?? `${SECRET_PREFIX}${randomBytes(32).toString('base64')}`;
  const key = checkedSecret(secret);
  terminal.out(`Signing secret: ${secret}`);
  const events = readEvents(target, {
    query: { event_type: options.eventTypes },
    lastEventId: options.after ?? null,
    signal: terminal.signal,
    onOpen: (again) =>
      terminal.out(again ? 'Connected again.' : `Ready: events of ${target.url} go to ${url}. Ctrl-C ends.`),
    onBreak: (why, wait_ms) => terminal.note(`Disconnected (${why}); again in ${wait_ms} ms.`),
  });
  let seq = 0;
  for await (const event of events) terminal.out(await forward(event, ++seq, url, key, terminal.signal));
}

/** POSTs one event; resolves to the line that tells how it went. */
async function forward(
  { event, text }: StreamedEvent,
  seq: number,
  url: string,
  key: Uint8Array,
  signal: AbortSignal,
): Promise<string> {
  // `seq` counts what this command forwards: it is a lane of its own.
  const body = Buffer.from(`${text.slice(0, -1)},"seq":${seq}}`);
  const timestamp = Math.floor(Date.now() / 1000);
  const started = performance.now();
  let result: string;
  try {
    const answer = await send(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Postrider-CLI/0.1',
        'webhook-id': event.event_id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': standardSignature(hmac, [key], event.event_id, timestamp, body),
        'postrider-attempt': '1',
      },
      body,
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    result = String(answer.statusCode);
    await answer.body.dump({ limit: 65_536 });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    result = `failed: ${code ?? message}`;
  }
  const took = Math.round(performance.now() - started);
  return `${event.timestamp.slice(11, 23)}  ${event.event_type.padEnd(12)}  ${event.recipient ?? '-'}  ${event.event_id}  → ${result} (${took} ms)`;
}

function checkedForward(text: string): string {
  const withScheme = /^https?:\/\//.test(text) ? text : `http://${text}`;
  if (!URL.canParse(withScheme)) throw usage(`--forward-to: ${text} is no URL.`);
  return new URL(withScheme).href;
}

function checkedSecret(secret: string): Uint8Array {
  try {
    return standardKey(secret);
  } catch (error) {
    throw usage(`--secret: ${(error as Error).message}`);
  }
}
