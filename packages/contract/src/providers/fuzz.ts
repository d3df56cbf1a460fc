/**
 * Mutated requests against a provider: nothing may throw, and no request that an attacker could make without the secret
 * may verify and become another event than the genuine one. Portable and seeded, for the test suite and for long runs.
 */

import type { HeadersLike } from '../verify.ts';
import type { Provider, ProviderCredentials, ProviderEnv, ProviderRequest, Reading } from './provider.ts';

export interface FuzzSeed {
  request: ProviderRequest & { headers: readonly (readonly [string, string])[] };
  credentials: ProviderCredentials;
  env: ProviderEnv;
}

export interface FuzzTally {
  requests: number;
  verified: number;
  events: number;
  /** What went wrong, each with what it takes to see it again; at most ten. */
  findings: string[];
}

const MAX_FINDINGS = 10;

/** `seeds` are requests that verify; each round mutates one of them. */
export async function fuzzProvider(
  provider: Provider,
  seeds: readonly FuzzSeed[],
  rounds: number,
  seed: number,
): Promise<FuzzTally> {
  const tally: FuzzTally = { requests: 0, verified: 0, events: 0, findings: [] };
  const random = mulberry32(seed);
  for (let round = 0; round < rounds && tally.findings.length < MAX_FINDINGS; round++) {
    const chosen = seeds[random(seeds.length)];
    if (chosen === undefined) throw new RangeError('A fuzz run needs at least one request that verifies.');
    const request = mutate(chosen.request, random);
    const finding = await judge(provider, chosen, request, tally);
    if (finding !== null) tally.findings.push(`${provider.name}, seed ${seed}, round ${round}: ${finding}`);
  }
  return tally;
}

async function judge(
  provider: Provider,
  { request: genuine, credentials, env }: FuzzSeed,
  request: ProviderRequest,
  tally: FuzzTally,
): Promise<string | null> {
  tally.requests += 1;
  try {
    const verification = await provider.verify(request, credentials, env);
    const reading = provider.read(request);
    provider.replayKey?.(request);
    provider.isProbe?.(request);
    const written = JSON.stringify(reading);
    if (reading.kind === 'events') tally.events += reading.events.length;
    if (!verification.ok) return null;
    tally.verified += 1;
    return allowed(provider, genuine, request, written)
      ? null
      : `verifies, and reads as ${written.slice(0, 300)}`;
  } catch (error) {
    return `throws ${String(error)}`;
  }
}

/** Whether a mutation may verify, given what the provider's signature covers. */
function allowed(
  provider: Provider,
  genuine: ProviderRequest,
  request: ProviderRequest,
  written: string,
): boolean {
  if (provider.coverage === 'nothing' || provider.coverage === 'token') return true;
  if (provider.coverage === 'body' && !sameBytes(genuine.rawBody, request.rawBody)) return false;
  const reading: Reading = provider.read(genuine);
  return JSON.stringify(reading) === written;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

type Random = (below: number) => number;

/** https://gist.github.com/tommyettinger/46a874533244883189143505d203312c (public domain). */
function mulberry32(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function mutate(request: FuzzSeed['request'], random: Random): ProviderRequest {
  const what = random(8);
  const headers = what >= 6 ? mutateHeaders(request.headers, random) : request.headers;
  return { ...request, headers, rawBody: what === 7 ? request.rawBody : mutateBody(request.rawBody, random) };
}

function mutateHeaders(headers: FuzzSeed['request']['headers'], random: Random): HeadersLike {
  const changed = headers.map(([name, value]) => [name, value] as [string, string]);
  const place = changed[random(Math.max(1, changed.length))];
  if (place === undefined) return [['x', 'y']];
  const operations = [
    () => changed.push([place[0], place[1]]),
    () => changed.splice(changed.indexOf(place), 1),
    () => (place[1] = ''),
    () => (place[1] = place[1].slice(0, random(place[1].length + 1))),
    () => (place[1] = place[1] + String.fromCharCode(random(0x3000))),
    () => (place[1] = place[1].repeat(2 + random(20))),
    () => (place[1] = place[1].slice(1) + place[1].slice(0, 1)),
    () => (place[0] = place[0].toUpperCase()),
  ];
  operations[random(operations.length)]?.();
  return changed;
}

/** Pieces that parsers stumble over, put anywhere. */
const PIECES = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  'null',
  'true',
  '-0',
  '1e999',
  '99999999999999999999',
  '"__proto__":',
  '"constructor":{"prototype":{"x":1}},',
  '\\u0000',
  '\\ud800',
  '\uFEFF',
  '&',
  '=',
  '%',
  '%00',
  '+',
  '<>',
  '@',
  '\r\n',
];

function mutateBody(body: Uint8Array, random: Random): Uint8Array {
  const at = random(body.length + 1);
  const piece = new TextEncoder().encode(PIECES[random(PIECES.length)]);
  switch (random(7)) {
    case 0:
      return body.slice(0, at);
    case 1:
      return body.map((byte, index) => (index === at ? byte ^ (1 << random(8)) : byte));
    case 2:
      return join(body.slice(0, at), piece, body.slice(at));
    case 3:
      return join(body.slice(0, at), piece, body.slice(Math.min(body.length, at + 1 + random(8))));
    case 4:
      return join(body.slice(0, at), body.slice(at, at + random(200)), body.slice(at));
    case 5:
      return join(body, body);
    default:
      return Uint8Array.from({ length: random(64) }, () => random(256));
  }
}

function join(...parts: Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
