/** Names for what went wrong on the way to a response head, from the codes of Node and undici. */

import type { AttemptError } from '../domain/delivery.ts';
import { BlockedAddressError, type ConnectPhase } from './guard.ts';

/** The attempt ran out of its time; where it stood says which timeout it was. */
export class AttemptTimeout extends Error {
  readonly code = 'POSTRIDER_TIMEOUT';
}

/** The engine stops; the attempt is no failure of the endpoint and leaves no trace. */
export class AttemptCancelled extends Error {
  readonly code = 'POSTRIDER_CANCELLED';
}

export interface NamedError {
  error: AttemptError;
  detail: string;
}

const TIMEOUTS: Readonly<Record<ConnectPhase, AttemptError>> = {
  lookup: 'dns',
  connect: 'timeout_connect',
  tls: 'timeout_tls',
  open: 'timeout_head',
};

const BY_CODE: ReadonlyMap<string, AttemptError> = new Map([
  ['ECONNREFUSED', 'refused'],
  ['ECONNRESET', 'reset'],
  ['ECONNABORTED', 'reset'],
  ['EPIPE', 'reset'],
  ['UND_ERR_SOCKET', 'reset'],
  ['ETIMEDOUT', 'timeout_connect'],
  ['UND_ERR_CONNECT_TIMEOUT', 'timeout_connect'],
  ['UND_ERR_HEADERS_OVERFLOW', 'protocol'],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'protocol'],
  ['ENOTFOUND', 'dns'],
  ['ENODATA', 'dns'],
  ['ESERVFAIL', 'dns'],
]);

const MAX_DETAIL = 200;

/** `phase`: how far the connection had come when it failed. */
export function nameError(error: Error, phase: ConnectPhase): NamedError {
  return { error: kindOf(error, phase), detail: detailOf(error) };
}

function kindOf(error: Error, phase: ConnectPhase): AttemptError {
  if (error instanceof BlockedAddressError) return 'blocked_address';
  if (error instanceof AttemptTimeout) return TIMEOUTS[phase];
  const code = codeOf(error);
  if (code.startsWith('EAI_')) return 'dns';
  if (error.name === 'HTTPParserError' || isBadResponse(error)) return 'protocol';
  // During the handshake everything that is no timeout is about TLS, a reset too.
  if (phase === 'tls' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) return 'tls';
  return BY_CODE.get(code) ?? 'network';
}

/** Whether the peer merely dropped the connection, as one does that was idle for too long. */
export function isReset(error: Error): boolean {
  return BY_CODE.get(codeOf(error)) === 'reset' && !isBadResponse(error);
}

/** undici gives the same code to a dropped connection and to nonsense in place of a response. */
function isBadResponse(error: Error): boolean {
  return error.message === 'bad response' || error.message === 'bad upgrade';
}

function codeOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : '';
}

function detailOf(error: Error): string {
  // Dialling several addresses fails with an AggregateError, whose own message is empty.
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : null;
  const message = error.message === '' && first instanceof Error ? first.message : error.message;
  const text = message === '' ? codeOf(error) : message;
  return text.slice(0, MAX_DETAIL);
}
