/** Names for what went wrong on the way to a response head, from the codes of Node and our own. */

import type { AttemptError } from '../domain/delivery.ts';
import { EgressProxyError } from './egress-proxy.ts';
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

/** Where the time went. */
const STOOD: Readonly<Record<ConnectPhase, string>> = {
  lookup: ': the name was still being looked up',
  connect: ': the connection was not made yet',
  tls: ': the TLS handshake was not finished',
  open: '',
};

/** In place of OpenSSL's words, what it means for whoever runs the endpoint. */
const TLS_HINTS: ReadonlyMap<string, string> = new Map([
  ['CERT_HAS_EXPIRED', 'the certificate has expired'],
  ['CERT_NOT_YET_VALID', 'the certificate is not valid yet'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'the certificate is self-signed'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'the certificate is of an authority that is not known'],
  [
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'the authority is not known, or an intermediate certificate is missing',
  ],
  [
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'the authority is not known, or an intermediate certificate is missing',
  ],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'the answer is no TLS; is this the port of plain HTTP?'],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', 'the answer is no TLS; is this the port of plain HTTP?'],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'the endpoint offers no TLS 1.2 or later'],
  ['ALERT_PROTOCOL_VERSION', 'the endpoint offers no TLS 1.2 or later'],
  ['ALERT_HANDSHAKE_FAILURE', 'no cipher in common, or the endpoint wants a client certificate'],
  ['ALERT_CERTIFICATE_REQUIRED', 'the endpoint wants a client certificate'],
  ['ECONNRESET', 'the connection was dropped during the TLS handshake'],
]);

const BY_CODE: ReadonlyMap<string, AttemptError> = new Map([
  ['ECONNREFUSED', 'refused'],
  ['ECONNRESET', 'reset'],
  ['ECONNABORTED', 'reset'],
  ['EPIPE', 'reset'],
  ['POSTRIDER_PEER_CLOSED', 'reset'],
  ['ETIMEDOUT', 'timeout_connect'],
  ['POSTRIDER_BAD_RESPONSE', 'protocol'],
  ['ENOTFOUND', 'dns'],
  ['ENODATA', 'dns'],
  ['ESERVFAIL', 'dns'],
]);

const MAX_DETAIL = 200;

/** `phase`: how far the connection had come when it failed. */
export function nameError(error: Error, phase: ConnectPhase): NamedError {
  const kind = kindOf(error, phase);
  return { error: kind, detail: wordsOf(error, kind, phase).slice(0, MAX_DETAIL) };
}

function wordsOf(error: Error, kind: AttemptError, phase: ConnectPhase): string {
  if (error instanceof AttemptTimeout) return `${error.message}${STOOD[phase]}`;
  const code = codeOf(error);
  // The alert counts, not the version of the protocol that OpenSSL puts before it.
  const hint = kind === 'tls' ? TLS_HINTS.get(code.replace(/^ERR_SSL_.+_ALERT_/, 'ALERT_')) : undefined;
  return hint === undefined ? detailOf(error) : `${hint} (${code})`;
}

function kindOf(error: Error, phase: ConnectPhase): AttemptError {
  if (error instanceof BlockedAddressError) return 'blocked_address';
  if (error instanceof AttemptTimeout) return TIMEOUTS[phase];
  if (error instanceof EgressProxyError) return 'proxy';
  const code = codeOf(error);
  if (code.startsWith('EAI_')) return 'dns';
  // During the handshake everything that is no timeout is about TLS, a reset too.
  if (phase === 'tls' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) return 'tls';
  return BY_CODE.get(code) ?? 'network';
}

/** Whether the peer merely dropped the connection, as one does that was idle for too long. */
export function isReset(error: Error): boolean {
  return BY_CODE.get(codeOf(error)) === 'reset';
}

function codeOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : '';
}

function detailOf(error: Error): string {
  // Dialling several addresses fails with an AggregateError, whose own message is empty.
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : null;
  const message = error.message === '' && first instanceof Error ? first.message : error.message;
  return message === '' ? codeOf(error) : message;
}
