import { describe, expect, it } from 'vitest';
import { AddressRules } from './address.ts';
import { HOSTILE_ADDRESSES } from './testing/hostile-addresses.ts';

const GOOD_ADDRESSES: readonly string[] = [
  '1.1.1.1',
  '8.8.8.8',
  '93.184.216.34',
  '172.32.0.1',
  '100.128.0.1',
  '192.169.0.1',
  '::ffff:8.8.8.8',
  '2606:4700:4700::1111',
  '2a00:1450:4001:81b::200e',
];

const production = new AddressRules({ loopback: false, allow: [] });
const development = new AddressRules({ loopback: true, allow: [] });

describe('AddressRules', () => {
  it.each(HOSTILE_ADDRESSES)('refuses %s', (address) => {
    expect(production.refusal(address)).not.toBeNull();
  });
  it.each(GOOD_ADDRESSES)('lets %s pass', (address) => {
    expect(production.refusal(address)).toBeNull();
  });
  it.each(['', 'localhost', '1.2.3', '0x7f.1', '017700000001', '2130706433', '127.1', '1.2.3.4.5', '::g'])(
    'takes %j for no address',
    (text) => {
      expect(production.refusal(text)).toBe('not an address');
    },
  );
  it('lets loopback pass in development, and nothing else', () => {
    const passing = HOSTILE_ADDRESSES.filter((address) => development.refusal(address) === null);
    expect(passing).toEqual(['127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1']);
  });
  it('lets allowed networks pass, mapped forms included', () => {
    const rules = new AddressRules({ loopback: false, allow: ['10.20.0.0/16', 'fd12::/16'] });
    expect(rules.refusal('10.20.3.4')).toBeNull();
    expect(rules.refusal('::ffff:10.20.3.4')).toBeNull();
    expect(rules.refusal('fd12::1')).toBeNull();
    expect(rules.refusal('10.21.0.1')).toBe('private');
    expect(rules.refusal('fd13::1')).toBe('uniqueLocal');
  });
  it('refuses a network that is none', () => {
    expect(() => new AddressRules({ loopback: false, allow: ['10.0.0.0'] })).toThrow(RangeError);
  });
});
