import { describe, expect, it } from 'vitest';
import { decodeId, idTime } from '@postrider/contract/ids';
import { createIds, newId } from './ids.ts';

/** Words that always carry into the next digit: the hardest case for order. */
const ones = (words: Uint32Array): void => void words.fill(0xffff_ffff);
const chance = (words: Uint32Array<ArrayBuffer>): void => void crypto.getRandomValues(words);

function inOrder(ids: string[]): boolean {
  return ids.every((id, i) => i === 0 || (ids[i - 1] as string) < id);
}

describe('newId', () => {
  it('makes canonical ids that carry the time', () => {
    const before = Date.now();
    const id = newId('msg');
    expect(id).toMatch(/^msg_[0-7][0-9a-hjkmnp-tv-z]{25}$/);
    expect(decodeId('msg', id)).toHaveLength(16);
    expect(idTime(id)).toBeGreaterThanOrEqual(before);
    expect(idTime(id)).toBeLessThanOrEqual(Date.now());
  });

  it('is in order and unique in its first 96 bits over 200,000 ids', () => {
    const ids = Array.from({ length: 200_000 }, () => newId('evt'));
    expect(inOrder(ids)).toBe(true);
    const firsts = new Set(ids.map((id) => hex(decodeId('evt', id)).slice(0, 24)));
    expect(firsts.size).toBe(ids.length);
  });

  it('stays in order when the clock steps back, and follows it once it has caught up', () => {
    const times = [1000, 1001, 1001, 400, 0, 1000, 1001, 1002];
    let at = 0;
    const next = createIds({ now: () => times[at++] as number, random: chance });
    const ids = times.map(() => next('evt'));
    expect(inOrder(ids)).toBe(true);
    expect(ids.map(idTime)).toEqual([1000, 1001, 1001, 1001, 1001, 1001, 1001, 1002]);
  });

  it('carries through every digit of the counter', () => {
    const next = createIds({ now: () => 5, random: ones });
    const ids = Array.from({ length: 70_000 }, () => next('evt'));
    expect(inOrder(ids)).toBe(true);
    // Begins at 7fffff ffffff, so the second id carries into the top half.
    expect(hex(decodeId('evt', ids[0] as string)).slice(12, 24)).toBe('7fffffffffff');
    expect(hex(decodeId('evt', ids[1] as string)).slice(12, 24)).toBe('800000000000');
    expect(hex(decodeId('evt', ids[257] as string)).slice(12, 24)).toBe('800000000100');
  });

  it('keeps two processes apart within one millisecond', () => {
    const one = createIds({ now: () => 7, random: chance });
    const two = createIds({ now: () => 7, random: chance });
    const firsts = new Set<string>();
    for (let i = 0; i < 1000; i++) {
      for (const next of [one, two]) firsts.add(hex(decodeId('evt', next('evt'))).slice(0, 24));
    }
    expect(firsts.size).toBe(2000);
  });
});

function hex(bytes: Uint8Array | null): string {
  return Buffer.from(bytes as Uint8Array).toString('hex');
}
