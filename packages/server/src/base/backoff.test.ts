import { describe, expect, it } from 'vitest';
import { Backoff, jittered } from './backoff.ts';

describe('jittered', () => {
  it('stays within the spread and reaches both ends', () => {
    expect(jittered(1000, 0.1, () => 0)).toBe(900);
    expect(jittered(1000, 0.1, () => 0.5)).toBe(1000);
    expect(jittered(1000, 0.1, () => 0.999999)).toBe(1100);
  });
});

describe('Backoff', () => {
  it('doubles up to its cap and starts anew after a success', () => {
    const backoff = new Backoff(100, 1000, () => 0.5);
    expect([backoff.next(), backoff.next(), backoff.next(), backoff.next(), backoff.next()]).toEqual([
      100, 200, 400, 800, 1000,
    ]);
    backoff.succeeded();
    expect(backoff.next()).toBe(100);
  });

  it('does not overflow after very many failures', () => {
    const backoff = new Backoff(100, 5000, () => 0.5);
    for (let i = 0; i < 5000; i++) backoff.next();
    expect(backoff.next()).toBe(5000);
  });
});
