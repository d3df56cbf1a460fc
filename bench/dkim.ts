/**
 * DKIM: CPU of a signature with everything (header and body read, hashed, the field made), against the bare signature of
 * the thread pool over an input of the same length. Both of many at once, as the lanes have them; CPU of all threads.
 */

import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { readDkimKey, type DkimKey } from '../packages/server/src/deliver/dkim/key.ts';
import { DkimSigner } from '../packages/server/src/deliver/dkim/signer.ts';
import type { BenchOptions } from './lib/options.ts';
import { alternate, ratios } from './lib/pairs.ts';
import { goalLine, list, paragraphs, spreadTable } from './lib/report.ts';
import { conditions } from './lib/versions.ts';

interface Figures {
  cpuMicros: number;
  perSecond: number;
}

/** At once, as in the signer; one more keeps each thread busy between. */
const CONCURRENCY = 3;
const IN_FLIGHT = 2 * CONCURRENCY;
/** Octets of the header that is signed, and of the body. */
const INPUT = 1_000;
const BODIES = [2_000, 10_000, 30_000] as const;
const AT = 1_800_000_000;

export async function run(options: BenchOptions): Promise<string> {
  const { quick } = options;
  const rounds = options.rounds ?? 10;
  const count = options.events ?? (quick ? 50 : 5_000);
  const key = readDkimKey(
    'example.com',
    'bench',
    generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    }).privateKey,
  );
  const sides = {
    bare: () => measure(count, () => bare(key.key)),
    ...Object.fromEntries(BODIES.map((size) => [named(size), () => measure(count, signing(key, size))])),
  } as Record<string, () => Promise<Figures>>;
  // What the first round would pay for being first: code that is not compiled yet.
  for (const side of Object.values(sides)) await side();
  const figures = await alternate(rounds, sides, (one) => `${one.cpuMicros.toFixed(0)} µs`);
  const goals = BODIES.map((size) => ({
    what: `CPU with a body of ${size} octets against the bare signature`,
    values: ratios(figures[named(size)] ?? [], figures['bare'] ?? [], (one) => one.cpuMicros),
    digits: 2,
    atMost: 1.2,
  }));
  return paragraphs(
    `RSA-2048, ${count} signatures a round, ${CONCURRENCY} at once, ${rounds} rounds. ${conditions()}`,
    spreadTable('side', Object.entries(figures), [
      { title: 'CPU µs per signature', pick: (one) => one.cpuMicros, digits: 1 },
      { title: 'signatures/s', pick: (one) => one.perSecond, digits: 0 },
    ]),
    list(goals.map((goal) => goalLine(goal, quick))),
  );
}

function named(size: number): string {
  return `message with a body of ${size} octets`;
}

async function measure(count: number, one: () => Promise<unknown>): Promise<Figures> {
  const begun = performance.now();
  const before = process.cpuUsage();
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await one();
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  const { user, system } = process.cpuUsage(before);
  return {
    cpuMicros: (user + system) / count,
    perSecond: (count * 1000) / (performance.now() - begun),
  };
}

const input = Buffer.alloc(INPUT, 'x');

function bare(key: KeyObject): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    sign('sha256', input, key, (error, signature) => (error === null ? resolve(signature) : reject(error)));
  });
}

function signing(key: DkimKey, size: number): () => Promise<string> {
  const signer = new DkimSigner(CONCURRENCY);
  const message = Buffer.from(HEADER + body(size));
  return () => signer.sign(message, [key], AT);
}

const HEADER = [
  'Received: from app.example.com by mail.example.com with ESMTPS; Sat, 21 Nov 2026 04:00:00 +0000',
  'From: Ann of the Example Shop <ann@example.com>',
  'To: Bob Receiver <bob@example.net>',
  'Reply-To: help@example.com',
  'Subject: =?UTF-8?Q?Your_order_is_on_its_way_=E2=80=93_track?=\r\n =?UTF-8?Q?_it_here?=',
  'Date: Sat, 21 Nov 2026 04:00:00 +0000',
  'Message-ID: <msg_01kq2x7c3v5r9t1b2d4f6h8j0k@example.com>',
  'List-Unsubscribe: <https://click.example.com/u/AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB>',
  'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
  'MIME-Version: 1.0',
  'Content-Type: text/html; charset=utf-8',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  '',
].join('\r\n');

/** Lines of indented HTML, as quoted-printable leaves them. */
function body(size: number): string {
  const line = '    <td style=3D"padding: 10px 25px; word-break: break-word;">Hello Bob,</td>\r\n';
  return line.repeat(Math.ceil(size / line.length)).slice(0, size - 2) + '\r\n';
}
