/** What an endpoint's URL must be like to be saved. The connector checks again at each connection. */

import { isIP } from 'node:net';
import type { AddressRules } from './address.ts';

export interface UrlPolicy {
  /** Plain HTTP is fine on loopback: the development profile. */
  plainHttpOnLoopback: boolean;
  maxBytes: number;
}

/** Ports of services that can be made to act on the text of an HTTP request (from the Fetch standard's list). */
const BAD_PORTS: ReadonlySet<number> = new Set([
  1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
  109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515,
  526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049,
  3659, 4045, 4190, 5060, 5061, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080, 11211,
]);

/** Names of this machine. */
const LOOPBACK_NAMES = /(^|\.)(localhost|localdomain)$/;
/** Names that only mean something in a private network (RFC 6762, RFC 8375, ICANN's `internal`), or to no HTTP client. */
const PRIVATE_NAMES = /\.(local|internal|arpa|onion)$/;

/** Null when the URL can be saved, else what is wrong with it and what to do. */
export function urlProblem(text: string, policy: UrlPolicy, addresses: AddressRules): string | null {
  return shapeProblem(text, policy) ?? hostProblem(text, policy, addresses);
}

function shapeProblem(text: string, policy: UrlPolicy): string | null {
  if (Buffer.byteLength(text) > policy.maxBytes) return `is longer than ${policy.maxBytes} bytes`;
  // The URL parser removes tabs and line ends silently; what is saved must be what is meant.
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f) {
      return 'must be of printable ASCII without spaces; write the host in its xn-- form, and percent-encode the rest';
    }
  }
  if (text.includes('\\')) return 'must not contain a backslash';
  if (!URL.canParse(text)) return 'is not an absolute URL';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must be an https URL';
  if (url.username !== '' || url.password !== '' || authorityOf(text).includes('@')) {
    return 'must not carry a user name or password; use `headers` to authenticate';
  }
  if (text.includes('#')) return 'must not have a fragment: it is never sent';
  return null;
}

function hostProblem(text: string, policy: UrlPolicy, addresses: AddressRules): string | null {
  const url = new URL(text);
  const { hostname } = url;
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  if (!isCanonicalHost(text, hostname)) {
    return 'must write its host in the plain form: a lower-case name, a dotted-decimal IPv4 or a bracketed IPv6 address';
  }
  const refusal = isIP(bare) === 0 ? nameRefusal(bare, policy, addresses) : addresses.refusal(bare);
  if (refusal !== null) return `names a host that is not allowed (${refusal})`;
  if (url.port === '0' || BAD_PORTS.has(Number(url.port || '443'))) return 'names a port that is not allowed';
  if (url.protocol === 'http:' && !(policy.plainHttpOnLoopback && isLoopbackHost(bare))) {
    return policy.plainHttpOnLoopback
      ? 'must be an https URL; plain http is for loopback addresses only'
      : 'must be an https URL';
  }
  return null;
}

/** Whether the host is written as the URL parser would write it: no decimal, octal, hex, short or escaped forms. */
function isCanonicalHost(text: string, hostname: string): boolean {
  const authority = authorityOf(text);
  const end = authority.startsWith('[') ? authority.indexOf(']') + 1 : authority.search(/:|$/);
  const written = authority.slice(0, end);
  if (written !== hostname) return false;
  if (hostname.startsWith('[')) return true;
  return hostname.length <= 253 && hostname.split('.').every((label) => LABEL.test(label));
}

const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

function authorityOf(text: string): string {
  const start = text.indexOf('://') + 3;
  const end = text.slice(start).search(/[/?#]|$/);
  return text.slice(start, start + end);
}

/** Private names are for those who allow private networks; where they lead is checked at each connection all the same. */
function nameRefusal(name: string, policy: UrlPolicy, addresses: AddressRules): string | null {
  if (name === 'localhost') return policy.plainHttpOnLoopback ? null : 'loopback';
  if (LOOPBACK_NAMES.test(name)) return 'loopback';
  if (PRIVATE_NAMES.test(name) && !addresses.allowsPrivate) return 'a local name';
  return name.includes('.') ? null : 'a name without a domain';
}

function isLoopbackHost(bare: string): boolean {
  return bare === 'localhost' || bare === '::1' || /^127\.\d+\.\d+\.\d+$/.test(bare);
}
