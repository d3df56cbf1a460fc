import type { LookupAddress } from 'node:dns';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { AddressRules } from './address.ts';
import { BlockedAddressError, Guard, type ConnectPhase } from './guard.ts';
import { Resolver, type Resolve } from './resolver.ts';
import { HOSTILE_ADDRESSES } from './testing/hostile-addresses.ts';

const production = new AddressRules({ loopback: false, allow: [] });

interface Trial {
  error: Error | null;
  phases: ConnectPhase[];
  dialled: number;
}

/** Connects to a name or address; the dial only asks the lookup, as `net.connect` would for a name, and fails. */
function tryConnect(hostname: string, resolve: Resolve, addresses = production): Promise<Trial> {
  return new Promise((done) => {
    const phases: ConnectPhase[] = [];
    let dialled = 0;
    const guard = new Guard({
      addresses,
      resolve,
      dial: ((options: { host: string; lookup: (...args: unknown[]) => void }) => {
        const listeners = new Map<string, (error: Error) => void>();
        options.lookup(options.host, { all: true }, (error: Error | null) => {
          if (error === null) dialled++;
          queueMicrotask(() => listeners.get('error')?.(error ?? new Error('dialled')));
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

  it('checks what a resolver remembers at every connection', async () => {
    let rules = new AddressRules({ loopback: false, allow: ['10.20.0.0/16'] });
    let looked = 0;
    const resolver = new Resolver({
      lookup: (_name, done) => {
        looked++;
        done(null, [{ address: '10.20.0.1', family: 4 }]);
      },
    });
    const trial = () => tryConnect('hook.example.com', resolver.resolve, rules);
    expect((await trial()).error?.message).toBe('dialled');
    rules = production;
    const refused = await trial();
    expect(refused.error).toBeInstanceOf(BlockedAddressError);
    expect(refused.dialled).toBe(0);
    expect(looked).toBe(1);
  });

  it('refuses a name whose second answer is another', async () => {
    const answers = ['93.184.216.34', '127.0.0.1'];
    const rebinding: Resolve = (_name, done) => done(null, [{ address: answers.shift() ?? '', family: 4 }]);
    expect((await tryConnect('hook.example.com', rebinding)).error?.message).toBe('dialled');
    const second = await tryConnect('hook.example.com', rebinding);
    expect(second.error).toBeInstanceOf(BlockedAddressError);
    expect(second.dialled).toBe(0);
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
