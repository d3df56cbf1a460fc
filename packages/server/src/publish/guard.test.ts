import type { LookupAddress } from 'node:dns';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { AddressRules } from './address.ts';
import { BlockedAddressError, Guard, type ConnectPhase, type Resolve } from './guard.ts';
import { urlProblem } from './url-rules.ts';

/** Addresses no endpoint may be at, in the forms they may be written in. */
const HOSTILE_ADDRESSES: readonly string[] = [
  // IPv4: this network, loopback, private, CGNAT, link-local and metadata, IETF, benchmark, documentation.
  '0.0.0.0',
  '0.1.2.3',
  '127.0.0.1',
  '127.255.255.254',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  '100.127.255.255',
  '169.254.0.1',
  '169.254.169.254',
  '169.254.170.2',
  '168.63.129.16',
  '192.0.0.1',
  '192.0.0.192',
  '192.0.2.1',
  '192.88.99.1',
  '198.18.0.1',
  '198.19.255.255',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '239.255.255.250',
  '240.0.0.1',
  '255.255.255.255',
  // IPv6: unspecified, loopback, compatible, mapped, translated.
  '::',
  '::1',
  '::127.0.0.1',
  '::8.8.8.8',
  '::7f00:1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:10.0.0.1',
  '::ffff:169.254.169.254',
  '::ffff:a9fe:a9fe',
  '::ffff:0:127.0.0.1',
  '::ffff:0:7f00:1',
  // NAT64, local NAT64, 6to4, Teredo: each can carry any IPv4 address.
  '64:ff9b::7f00:1',
  '64:ff9b::169.254.169.254',
  '64:ff9b:1::1',
  '2002:7f00:1::',
  '2002:a9fe:a9fe::1',
  '2001:0:53aa:64c:0:0:80ff:fffe',
  // Unique local (AWS metadata among them), link-local with and without a zone, site-local, multicast.
  'fc00::1',
  'fd00:ec2::254',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
  // Documentation, discard, benchmark, ORCHID, unassigned.
  '2001:db8::1',
  '3fff::1',
  '100::1',
  '2001:2::1',
  '2001:20::1',
  '4000::1',
  '5f00::1',
];
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

describe('urlProblem in production', () => {
  const policy = { plainHttpOnLoopback: false, maxBytes: 200 };
  const judge = (url: string): string | null => urlProblem(url, policy, production);

  it.each([
    ...HOSTILE_ADDRESSES.filter((a) => !a.includes('%')).map(
      (a) => `https://${a.includes(':') ? `[${a}]` : a}/hook`,
    ),
    // The same addresses in forms a URL parser understands.
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0x7f.1/',
    'https://0177.0.0.1/',
    'https://127.1/',
    'https://127.0.0.1./',
    'https://①②⑦.0.0.1/',
    'https://[0:0:0:0:0:0:0:1]/',
    'https://[::FFFF:8.8.8.8]/',
    // Names that mean this machine or this network.
    'https://localhost/',
    'https://LOCALHOST/',
    'https://app.localhost/',
    'https://metadata.google.internal/',
    'https://printer.local/',
    'https://router.home.arpa/',
    'https://intranet/',
    // Shapes.
    'http://example.com/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'https:/example.com/',
    'https:example.com',
    '//example.com/',
    'example.com',
    '',
    'https://',
    'https://user@example.com/',
    'https://user:pass@example.com/',
    'https://@example.com/',
    'https://example.com@127.0.0.1/',
    'https://example.com/#fragment',
    'https://example.com/#',
    'https://EXAMPLE.com/',
    'https://exam%70le.com/',
    'https://example.com.',
    'https://bücher.example/',
    'https://example.com\\@127.0.0.1/',
    'https://example.com/a b',
    'https://example.com/\r\nX: y',
    'https://exa\tmple.com/',
    'https://example.com/\0',
    'https://example.com/é',
    'https://-example.com/',
    `https://example.com/${'a'.repeat(200)}`,
    `https://${'a'.repeat(64)}.com/`,
    // Ports.
    'https://example.com:0/',
    'https://example.com:25/',
    'https://example.com:6379/',
    'https://example.com:22/',
    'https://example.com:65536/',
    'https://example.com:-1/',
  ])('refuses %j', (url) => {
    expect(judge(url)).not.toBeNull();
  });
  it.each([
    'https://example.com',
    'https://example.com/',
    'https://example.com/hook?tenant=1&x=%20',
    'https://example.com:8443/hook',
    'https://xn--bcher-kva.example/',
    'https://a_b.example.com/',
    'https://93.184.216.34/hook',
    'https://[2606:4700:4700::1111]/hook',
    'https://example.com:443/',
  ])('takes %j', (url) => {
    expect(judge(url)).toBeNull();
  });
});

describe('urlProblem in development', () => {
  const policy = { plainHttpOnLoopback: true, maxBytes: 2048 };

  it.each(['http://127.0.0.1:8080/', 'http://localhost:3000/x', 'http://[::1]:8080/', 'https://localhost/'])(
    'takes %j',
    (url) => {
      expect(urlProblem(url, policy, development)).toBeNull();
    },
  );
  it.each([
    'http://example.com/',
    'http://10.0.0.1/',
    'http://0.0.0.0/',
    'https://192.168.0.1/',
    'http://127.1/',
  ])('refuses %j', (url) => {
    expect(urlProblem(url, policy, development)).not.toBeNull();
  });
});

interface Trial {
  error: Error | null;
  phases: ConnectPhase[];
  dialled: number;
}

/** Connects to a name or address; the dial only asks the lookup, as `net.connect` would for a name, and fails. */
function tryConnect(hostname: string, resolve: Resolve): Promise<Trial> {
  return new Promise((done) => {
    const phases: ConnectPhase[] = [];
    let dialled = 0;
    const guard = new Guard({
      addresses: production,
      resolve,
      dial: ((options: { host: string; lookup: (...args: unknown[]) => void }) => {
        const listeners = new Map<string, (error: Error) => void>();
        options.lookup(options.host, { all: true }, (error: Error | null) => {
          if (error === null) dialled++;
          listeners.get('error')?.(error ?? new Error('dialled'));
        });
        return {
          once: (name: string, fn: (error: Error) => void) => listeners.set(name, fn),
          removeListener() {},
        };
      }) as never,
    });
    guard.connect(
      { protocol: 'https:', hostname, port: 443 },
      { setPhase: (phase) => phases.push(phase), setSocket() {} },
      { latest: null },
      (error) => done({ error, phases, dialled }),
    );
  });
}

describe('Guard', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  const answering =
    (...addresses: string[]): Resolve =>
    (_hostname, done) =>
      setImmediate(() =>
        done(
          null,
          addresses.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 })),
        ),
      );

  it.each(HOSTILE_ADDRESSES.filter((address) => !address.includes('%')))(
    'never dials the literal %s',
    async (address) => {
      const trial = await tryConnect(address, () => expect.unreachable('a literal is not resolved'));
      expect(trial.error).toBeInstanceOf(BlockedAddressError);
      expect(trial.dialled).toBe(0);
    },
  );

  it.each(HOSTILE_ADDRESSES)('never dials a name that resolves to %s', async (address) => {
    const trial = await tryConnect('hook.example.com', answering('93.184.216.34', address));
    expect(trial.error).toBeInstanceOf(BlockedAddressError);
    expect(trial.dialled).toBe(0);
    expect(trial.phases).toEqual(['lookup']);
  });

  it('dials what resolves to public addresses', async () => {
    const trial = await tryConnect('hook.example.com', answering('93.184.216.34', '2606:4700:4700::1111'));
    expect(trial.error?.message).toBe('dialled');
    expect(trial.phases).toEqual(['lookup', 'connect']);
  });

  it('takes a name without addresses for a DNS failure', async () => {
    const trial = await tryConnect('hook.example.com', answering());
    expect((trial.error as NodeJS.ErrnoException).code).toBe('ENOTFOUND');
  });

  it('looks at the peer once connected: a resolver that lies to the check gains nothing', async () => {
    let received = 0;
    const server = createServer((socket) => {
      socket.on('data', (chunk) => (received += chunk.length));
      socket.on('error', () => {});
    });
    servers.push(server);
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    const closed = new Promise<void>((end) =>
      server.once('connection', (socket) => socket.on('close', () => end())),
    );
    const { connect } = await import('node:net');
    const guard = new Guard({
      addresses: production,
      // The check saw a public address; the socket ends up on loopback all the same.
      dial: () => connect(port, '127.0.0.1'),
    });
    const error = await new Promise<Error | null>((done) => {
      guard.connect(
        { protocol: 'https:', hostname: 'hook.example.com', port },
        { setPhase() {}, setSocket() {} },
        { latest: null },
        done,
      );
    });
    expect(error).toBeInstanceOf(BlockedAddressError);
    await closed;
    expect(received).toBe(0);
  });
});
