/**
 * Which network addresses an endpoint must not be at. Webhook URLs come from customers, so a call that reaches
 * the operator's own network, or a cloud's metadata service, would be made with the operator's standing.
 */

import ipaddr from 'ipaddr.js';

type Cidr = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** Not covered by the ranges that ipaddr.js names. */
const DENIED_V4: readonly Cidr[] = [
  // Azure's wire server: metadata and keys, at a public address.
  ipaddr.parseCIDR('168.63.129.16/32'),
  // "This network" (RFC 791), benchmarks (RFC 2544), documentation (RFC 5737), relays of 6to4 (RFC 7526).
  ipaddr.parseCIDR('0.0.0.0/8'),
  ipaddr.parseCIDR('198.18.0.0/15'),
  ipaddr.parseCIDR('192.0.0.0/24'),
  ipaddr.parseCIDR('192.88.99.0/24'),
];
/** All of IPv6 that is assigned for global use (RFC 4291); what lies outside is nobody's, or not yet. */
const GLOBAL_V6 = ipaddr.parseCIDR('2000::/3');
const DENIED_V6: readonly Cidr[] = [
  // 6to4 and Teredo: tunnels that carry any IPv4 address.
  ipaddr.parseCIDR('2002::/16'),
  ipaddr.parseCIDR('2001::/32'),
];

export interface AddressPolicy {
  /** Loopback is fine: the development profile. */
  loopback: boolean;
  /** Networks that are fine although private, in CIDR. */
  allow: readonly string[];
}

export class AddressRules {
  readonly #loopback: boolean;
  readonly #allow: readonly Cidr[];

  /** Throws `RangeError` when a network of `allow` is not in CIDR form. */
  constructor(policy: AddressPolicy) {
    this.#loopback = policy.loopback;
    this.#allow = policy.allow.map((network) => {
      if (!ipaddr.isValidCIDR(network)) throw new RangeError(`"${network}" is not a network in CIDR form`);
      return ipaddr.parseCIDR(network);
    });
  }

  /** Whether the operator lets endpoints be in private networks. */
  get allowsPrivate(): boolean {
    return this.#allow.length > 0;
  }

  /**
   * Why an address must not be dialled, as one word or two; null when it may be. `address` is an IP address as
   * `node:net` and `node:dns` write it; anything else is refused.
   */
  refusal(address: string): string | null {
    const zone = address.indexOf('%');
    const bare = zone < 0 ? address : address.slice(0, zone);
    // The short and octal forms of inet_aton that ipaddr.js also takes have no place here.
    if (!ipaddr.IPv4.isValidFourPartDecimal(bare) && !ipaddr.IPv6.isValid(bare)) return 'not an address';
    // ipaddr.js takes every IPv6 address that ends in dotted decimal for an IPv4-mapped one.
    if (bare.includes(':') && bare.includes('.') && !/^::ffff:[\d.]+$/i.test(bare)) return 'IPv4 within IPv6';
    const parsed = ipaddr.parse(bare);
    if (parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress()) {
      return this.#judge(parsed.toIPv4Address());
    }
    return this.#judge(parsed);
  }

  #judge(address: ipaddr.IPv4 | ipaddr.IPv6): string | null {
    if (this.#allow.some((network) => within(address, network))) return null;
    const range = address.range();
    if (range === 'loopback') return this.#loopback ? null : 'loopback';
    if (range !== 'unicast') return range;
    // IPv4-compatible, -translated, NAT64 (RFC 6052, RFC 8215) and site-local forms fall outside.
    if (address instanceof ipaddr.IPv6 && !within(address, GLOBAL_V6)) return 'not global';
    const denied = address instanceof ipaddr.IPv4 ? DENIED_V4 : DENIED_V6;
    return denied.some((network) => within(address, network)) ? 'reserved' : null;
  }
}

function within(address: ipaddr.IPv4 | ipaddr.IPv6, [network, bits]: Cidr): boolean {
  if (address.kind() !== network.kind()) return false;
  return address.match(network, bits);
}
