/** One call as a request: its URL, headers and body. */

import type { Repeatable } from './retry.ts';

/** What every call takes besides its own input. */
export interface CallOptions {
  /** Ends the call; it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** For this call, instead of the client's. */
  timeout_ms?: number | undefined;
  retries?: number | undefined;
}
/** What a call that makes something takes. */
export interface CreateOptions extends CallOptions {
  /** One to 255 visible ASCII characters. Made by the client when absent; repeat a call later with the same. */
  idempotency_key?: string;
}

export interface Call {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Segments; each is percent-encoded. */
  path: readonly string[];
  query?: object | undefined;
  json?: unknown;
  csv?: string;
  /** Content type of the answer, where it is not JSON. */
  expects?: string;
  headers?: Record<string, string>;
  /** A POST that makes something, under an Idempotency-Key. */
  creates?: true;
  /** A 404 after a try whose answer was lost means that this very call has removed it. */
  removes?: true;
}

export interface Request {
  call: string;
  expects: string | undefined;
  url: string;
  init: RequestInit;
  repeatable: Repeatable;
}

/** All of it is made once: a repetition with another body or key would be another call. */
export function requestOf(
  call: Call,
  options: CreateOptions,
  { base, apiKey }: { base: string; apiKey: string },
): Request {
  const headers: Record<string, string> = { ...call.headers, authorization: `Bearer ${apiKey}` };
  const body = call.json === undefined ? call.csv : JSON.stringify(call.json);
  if (body !== undefined) headers['content-type'] = call.csv === undefined ? 'application/json' : 'text/csv';
  if (call.creates) headers['idempotency-key'] = checkedKey(options.idempotency_key) ?? newKey();
  return {
    call: nameOf(call),
    expects: call.expects,
    url: `${base}${pathOf(call)}${queryOf(call.query ?? {})}`,
    // A redirect would take the key to an address that nobody gave.
    init: { method: call.method, headers, redirect: 'manual', ...(body === undefined ? {} : { body }) },
    repeatable: call.method !== 'POST' || call.creates ? 'always' : 'if_refused',
  };
}

function pathOf(call: Call): string {
  return `/${call.path.map(segment).join('/')}`;
}

/** Empty, `.` and `..` would make a URL of another call. */
function segment(text: string): string {
  if (typeof text === 'string' && !/^\.{0,2}$/.test(text)) return encodeURIComponent(text);
  throw new TypeError(`${JSON.stringify(text)} names nothing: give an id or an address`);
}

export function nameOf(call: Call): string {
  return `${call.method} ${pathOf(call)}`;
}

/** What is undefined is left out. Lists have commas. */
function queryOf(query: object): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== null) parameters.set(name, String(value));
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}

function checkedKey(key: string | undefined): string | undefined {
  if (key === undefined || /^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw new TypeError('idempotency_key must be 1 to 255 visible ASCII characters');
}

/** 128 random bits; `crypto.randomUUID` is missing on pages that are not served securely. */
function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}
