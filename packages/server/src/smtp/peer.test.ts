import { expect, test } from 'vitest';
import { isLoopback, plainAddress } from './peer.ts';

test('loopback is told from the rest', () => {
  for (const address of ['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'])
    expect(isLoopback(address)).toBe(true);
  for (const address of ['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '::ffff:10.0.0.1', '127.example.com', ''])
    expect(isLoopback(address)).toBe(false);
});

test('a mapped address is the address it maps', () => {
  expect(plainAddress('::FFFF:192.0.2.1')).toBe('192.0.2.1');
  expect(plainAddress('2001:db8::1')).toBe('2001:db8::1');
});
