/** Providers that sign nothing: a password or a token of the receiver's choice comes with each request (RFC 7617, RFC 6750). */

import { decodeBase64 } from '../base64.ts';
import { equalBytes, readHeaders } from '../verify.ts';
import {
  refused,
  VERIFIED,
  type ProviderCredentials,
  type ProviderRequest,
  type Verification,
} from './provider.ts';

/** Whether basic authentication is set up: without a password there is nothing to check. */
export function hasPassword({ password }: ProviderCredentials): boolean {
  return password !== undefined && password !== '';
}

/**
 * Basic authentication when a password is set up, else the `secret` as a bearer token, or in `tokenHeader` where the
 * provider has one of its own.
 */
export function verifyAuthorization(
  request: ProviderRequest,
  credentials: ProviderCredentials,
  tokenHeader?: string,
): Verification {
  const { username = '', password = '', secret = '' } = credentials;
  if (password === '' && secret === '') return refused('bad_secret');
  const header = readHeaders(request.headers, ['authorization']);
  if (header === 'missing_header' && password === '' && tokenHeader !== undefined) {
    const token = readHeaders(request.headers, [tokenHeader]);
    return typeof token === 'string' ? refused(token) : compare(encode(token[0] as string), secret);
  }
  if (typeof header === 'string') return refused(header);
  const [, scheme = '', value = ''] = /^(basic|bearer) +([^\s,]+)$/i.exec(header[0] as string) ?? [];
  if (scheme === '') return refused('malformed_header');
  if (password === '')
    return scheme.toLowerCase() === 'bearer' ? compare(encode(value), secret) : refused('no_match');
  if (scheme.toLowerCase() !== 'basic') return refused('no_match');
  const given = decodeBase64(value);
  return given === null ? refused('malformed_header') : compare(given, `${username}:${password}`);
}

function compare(given: Uint8Array, expected: string): Verification {
  return equalBytes(given, encode(expected)) ? VERIFIED : refused('no_match');
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
