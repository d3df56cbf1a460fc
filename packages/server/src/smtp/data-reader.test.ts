import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { DataReader } from './data-reader.ts';
import { PendingBytes } from './pending-bytes.ts';

const LIMIT = 10_000;

interface Read {
  /** Octets eaten up to and with the end; -1 when it never came. */
  used: number;
  size: number;
  raw: string | null;
  fault: { what: string; at: number } | null;
}

function readIn(chunks: Buffer[]): Read {
  const pending = new PendingBytes(1_000_000);
  const reader = new DataReader(LIMIT, pending);
  let before = 0;
  for (const chunk of chunks) {
    const used = reader.read(chunk, 0);
    if (used !== -1) {
      const end = reader.end();
      const read: Read = {
        used: before + used,
        size: reader.size,
        raw: end.kind === 'complete' ? end.raw.toString('latin1') : null,
        fault: end.kind === 'faulty' ? end.fault : null,
      };
      reader.release();
      expect(pending.used).toBe(0);
      return read;
    }
    before += chunk.length;
  }
  reader.release();
  expect(pending.used).toBe(0);
  return { used: -1, size: reader.size, raw: null, fault: null };
}

/** The same in other words: the end is the first CR LF "." CR LF of CR LF + everything; lines are then unstuffed. */
function reference(text: string): Omit<Read, 'size'> {
  const end = `\r\n${text}`.indexOf('\r\n.\r\n');
  if (end === -1) return { used: -1, raw: null, fault: null };
  const content = text.slice(0, end);
  const raw = content
    .split('\r\n')
    .map((line) => (line.startsWith('.') ? line.slice(1) : line))
    .join('\r\n');
  const bare = /\r(?!\n)|(?<!\r)\n|\0/.exec(raw);
  const names: Record<string, string> = { '\r': 'bare_cr', '\n': 'bare_lf', '\0': 'nul' };
  const fault = bare === null ? null : { what: names[bare[0]] ?? '', at: bare.index };
  return { used: end + 3, raw: fault === null ? raw : null, fault };
}

function split(text: string, cuts: number[]): Buffer[] {
  const at = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  const chunks: Buffer[] = [];
  let from = 0;
  for (const cut of [...at, text.length]) {
    if (cut > from) chunks.push(Buffer.from(text.slice(from, cut), 'latin1'));
    from = cut;
  }
  return chunks;
}

const pieces = fc.constantFrom('\r', '\n', '.', '\r\n', '\r\n.', '\r\n.\r\n', '..', 'a', 'b c', '\0', '\xff');
const texts = fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join(''));

test('reads what the words of the RFC say, however the octets are cut', () => {
  fc.assert(
    fc.property(texts, fc.array(fc.nat(100), { maxLength: 12 }), (text, cuts) => {
      const { size, ...read } = readIn(split(text, cuts));
      const wanted = reference(text);
      expect(read).toEqual(wanted);
      if (wanted.raw !== null) expect(size).toBe(wanted.raw.length);
    }),
    { numRuns: 5000 },
  );
});

test('what is stuffed by a client comes out as it was', () => {
  const lines = fc.array(fc.constantFrom('', '.', '..', '.a', 'a.', 'text', '. .'), { maxLength: 20 });
  fc.assert(
    fc.property(lines, fc.array(fc.nat(200), { maxLength: 8 }), (given, cuts) => {
      const raw = given.map((line) => `${line}\r\n`).join('');
      const sent = `${given.map((line) => `${line.startsWith('.') ? '.' : ''}${line}\r\n`).join('')}.\r\n`;
      expect(readIn(split(sent, cuts))).toMatchObject({ raw, used: sent.length });
    }),
  );
});

test('octets past the limit are counted, not kept', () => {
  const pending = new PendingBytes(1_000_000);
  const reader = new DataReader(LIMIT, pending);
  const chunk = Buffer.alloc(65_536, 'x');
  for (let round = 0; round < 100; round += 1) {
    expect(reader.read(chunk, 0)).toBe(-1);
    expect(pending.used).toBe(0);
  }
  expect(reader.read(Buffer.from('\r\n.\r\n'), 0)).toBe(5);
  expect(reader.end()).toEqual({ kind: 'too_large', size: 6_553_602 });
});

test('one octet a packet costs no more memory than its octets', () => {
  const pending = new PendingBytes(1_000_000);
  const reader = new DataReader(LIMIT, pending);
  for (let at = 0; at < 9000; at += 1) reader.read(Buffer.from('x'), 0);
  expect(pending.used).toBeLessThanOrEqual(16_384);
  reader.read(Buffer.from('\r\n.\r\n'), 0);
  expect(reader.end()).toEqual({ kind: 'complete', raw: Buffer.from(`${'x'.repeat(9000)}\r\n`) });
  reader.release();
  reader.release();
  expect(pending.used).toBe(0);
});

test('the bound of all connections together holds', () => {
  const pending = new PendingBytes(10_000);
  const first = new DataReader(LIMIT, pending);
  const second = new DataReader(LIMIT, pending);
  first.read(Buffer.from(`${'x'.repeat(8000)}\r\n.\r\n`), 0);
  second.read(Buffer.from(`${'y'.repeat(8000)}\r\n.\r\n`), 0);
  expect(first.end()).toMatchObject({ kind: 'complete' });
  expect(second.end()).toEqual({ kind: 'no_memory' });
  first.release();
  expect(pending.used).toBe(0);
});
