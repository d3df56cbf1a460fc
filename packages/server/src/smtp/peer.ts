/** IP addresses of the two ends. */

import { isIPv4 } from 'node:net';

/** An IPv4 address that came over an IPv6 socket, in its own form. */
export function plainAddress(address: string): string {
  const inner = /^::ffff:([0-9.]+)$/i.exec(address)?.[1];
  return inner !== undefined && isIPv4(inner) ? inner : address;
}

/** Nothing from another machine can reach a listener that is bound here. */
export function isLoopback(address: string): boolean {
  const plain = plainAddress(address);
  return plain === '::1' || (isIPv4(plain) && plain.startsWith('127.'));
}
