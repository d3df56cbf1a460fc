import { describe, expect, it } from 'vitest';
import { Fifo } from './fifo.ts';

describe('Fifo', () => {
  it('gives back in order what was put in, across its own housekeeping', () => {
    const fifo = new Fifo<number>();
    let put = 0;
    let got = 0;
    for (let round = 0; round < 200; round++) {
      for (let i = 0; i < 37; i++) fifo.push(put++);
      for (let i = 0; i < 30; i++) expect(fifo.shift()).toBe(got++);
      expect(fifo.length).toBe(put - got);
      expect(fifo.peek()).toBe(got);
    }
    while (got < put) expect(fifo.shift()).toBe(got++);
    expect([fifo.length, fifo.peek(), fifo.shift()]).toEqual([0, undefined, undefined]);
  });
});
