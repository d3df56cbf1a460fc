import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineReader, MAX_LINE_OCTETS } from './line-reader.ts';

function readAll(chunks: Buffer[]): string[] {
  const reader = new LineReader();
  const seen: string[] = [];
  for (const chunk of chunks) {
    let at = 0;
    while (at < chunk.length) {
      const read = reader.read(chunk, at);
      if (read.kind === 'more') break;
      seen.push(read.kind === 'line' ? `line ${read.octets} ${read.text}` : read.kind);
      if (read.kind === 'bare_lf' || read.kind === 'endless') return seen;
      at += read.used;
    }
  }
  return seen;
}

test('cutting the octets anywhere changes nothing', () => {
  const pieces = fc.constantFrom('\r', '\n', '\r\n', 'NOOP', ' ', '\0', 'é', 'ab');
  fc.assert(
    fc.property(
      fc.array(pieces, { maxLength: 20 }),
      fc.array(fc.nat(60), { maxLength: 8 }),
      (parts, cuts) => {
        const whole = Buffer.from(parts.join(''));
        const at = [0, ...cuts.map((cut) => Math.min(cut, whole.length)).sort((a, b) => a - b), whole.length];
        const chunks = at.slice(1).map((end, index) => whole.subarray(at[index], end));
        expect(readAll(chunks.filter((chunk) => chunk.length > 0))).toEqual(readAll([whole]));
      },
    ),
    { numRuns: 3000 },
  );
});

test('only CR LF ends a line', () => {
  expect(readAll([Buffer.from('NOOP\r\nRSET\rQUIT\r\nHELP\nQUIT\r\n')])).toEqual([
    'line 6 NOOP',
    'malformed',
    'bare_lf',
  ]);
});

test.each([1, 7, 4096, 100_000])('the limits hold in chunks of %i octets', (step) => {
  const cut = (text: string): Buffer[] =>
    Array.from({ length: Math.ceil(text.length / step) }, (_, index) =>
      Buffer.from(text.slice(index * step, (index + 1) * step)),
    );
  expect(readAll(cut(`${'x'.repeat(MAX_LINE_OCTETS)}\r\n`))).toEqual([
    `line ${MAX_LINE_OCTETS + 2} ${'x'.repeat(MAX_LINE_OCTETS)}`,
  ]);
  expect(readAll(cut(`${'x'.repeat(MAX_LINE_OCTETS + 1)}\r\nNOOP\r\n`))).toEqual(['too_long', 'line 6 NOOP']);
  expect(readAll(cut('x'.repeat(90_000)))).toEqual(['endless']);
});
