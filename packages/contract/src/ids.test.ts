import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeId, encodeId, ID_PREFIXES, idTime, isId } from './ids.ts';

interface Vectors {
  valid: { description: string; prefix: string; hex: string; id: string; time: number }[];
  invalid: { description: string; prefix: string; id: string }[];
}
const vectors = JSON.parse(
  readFileSync(new URL('../../../vectors/ids/ids.json', import.meta.url), 'utf8'),
) as Vectors;

describe('ids', () => {
  it.each(vectors.valid)('$description', ({ prefix, hex, id, time }) => {
    const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
    expect(encodeId(prefix, bytes)).toBe(id);
    expect(decodeId(prefix, id)).toEqual(bytes);
    expect(isId(prefix, id)).toBe(true);
    expect(idTime(id)).toBe(time);
  });

  it.each(vectors.invalid)('refuses: $description', ({ prefix, id }) => {
    expect(decodeId(prefix, id)).toBeNull();
    expect(isId(prefix, id)).toBe(false);
  });

  it('has no time for text that is no id', () => {
    expect(idTime('')).toBeNaN();
    expect(idTime('evt_')).toBeNaN();
    expect(idTime(`evt_${'u'.repeat(26)}`)).toBeNaN();
  });

  it('refuses other than 16 bytes', () => {
    expect(() => encodeId('evt', new Uint8Array(15))).toThrow(RangeError);
    expect(() => encodeId('evt', new Uint8Array(17))).toThrow(RangeError);
  });

  it('is never an id when it is no string', () => {
    for (const value of [undefined, null, 1, {}, [], true]) expect(isId('evt', value)).toBe(false);
  });

  it('comes back from its text, and sorts as its bytes do', () => {
    const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(bytes16, bytes16, fc.constantFrom(...Object.keys(ID_PREFIXES)), (a, b, prefix) => {
        const one = encodeId(prefix, a);
        const two = encodeId(prefix, b);
        expect(decodeId(prefix, one)).toEqual(a);
        expect(Math.sign(Buffer.compare(a, b))).toBe(one < two ? -1 : one > two ? 1 : 0);
      }),
    );
  });
});
