import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { base64Lines, encodeText } from './transfer-encoding.ts';

/** ASCII enough around the content that quoted-printable is chosen, ending in a line break of its own. */
const ASCII = Buffer.from(`${'plain '.repeat(12)}\r\n`.repeat(60));

function quotedPrintable(content: Buffer): string {
  const { encoding, body } = encodeText(Buffer.concat([ASCII, content]));
  expect(encoding).toBe('quoted-printable');
  return body.toString('latin1');
}

/** RFC 2045 section 6.7, the other way, by the letter. */
function decode(encoded: string): Buffer {
  const joined = encoded.replaceAll('=\r\n', '');
  const octets = joined.replace(/=([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  return Buffer.from(octets, 'latin1');
}

describe('quoted-printable', () => {
  it('gives back every octet, in lines that any relay leaves alone', () => {
    const octets = fc.array(
      fc.oneof(
        fc.constantFrom(
          ...['\r\n', ' ', '\t', '=', '.', ' \r\n', '\t\r\n', 'é', '🚀', '\n', '\r'].map((text) =>
            Buffer.from(text),
          ),
        ),
        fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
        fc.string({ unit: 'grapheme-ascii', maxLength: 90 }).map((text) => Buffer.from(text)),
      ),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(octets, (parts) => {
        const content = Buffer.concat(parts);
        const encoded = quotedPrintable(content);
        expect(decode(encoded).equals(Buffer.concat([ASCII, content]))).toBe(true);
        for (const line of encoded.split('\r\n')) {
          expect(line.length).toBeLessThanOrEqual(76);
          expect(line).toMatch(/^[\t\x20-\x7e]*$/);
          expect(line).not.toMatch(/[ \t]$/);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['equals signs', '='.repeat(100_000)],
    ['blanks before every break', ' \r\n'.repeat(30_000)],
    ['line feeds alone', '\n'.repeat(100_000)],
    ['carriage returns alone', '\r'.repeat(100_000)],
    ['one long line', 'x'.repeat(100_000)],
    ['breaks at the worst place', `${'x'.repeat(73)}=`.repeat(2000)],
    ['one blank', ' '],
    ['nothing', ''],
  ])('has room for %s', (_name, text) => {
    const content = Buffer.from(text);
    const { encoding, body } = encodeText(content);
    expect(encoding).toBe('quoted-printable');
    expect(decode(body.toString('latin1')).equals(content)).toBe(true);
  });

  it('is not used where base64 is shorter', () => {
    const { encoding, body } = encodeText(Buffer.from('你好'.repeat(100)));
    expect(encoding).toBe('base64');
    expect(Buffer.from(body.toString('latin1'), 'base64').toString()).toBe('你好'.repeat(100));
  });
});

describe('base64', () => {
  it('gives back every octet in lines of 76', () => {
    for (const length of [0, 1, 2, 3, 56, 57, 58, 114, 1000]) {
      const content = Buffer.from(Array.from({ length }, (_, at) => (at * 37) % 256));
      const encoded = base64Lines(content).toString('latin1');
      expect(Buffer.from(encoded, 'base64').equals(content)).toBe(true);
      expect(encoded.split('\r\n').every((line) => line.length <= 76)).toBe(true);
    }
  });
});
