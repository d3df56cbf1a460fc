import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadResponse, ResponseReader } from './response-reader.ts';

interface Read {
  status: number;
  retryAfter: string | null;
  body: string;
  ended: boolean;
  reusable: boolean;
  bad: string | null;
}

/** Reads the pieces in turn; `closes`: the peer closes after them. */
function read(pieces: readonly Buffer[], closes = false): Read {
  const seen: Read = { status: 0, retryAfter: null, body: '', ended: false, reusable: false, bad: null };
  const reader = new ResponseReader({
    head: (status, retryAfter) => void Object.assign(seen, { status, retryAfter }),
    body: (chunk) => void (seen.body += chunk.toString('latin1')),
    end: () => void (seen.ended = true),
  });
  try {
    for (const piece of pieces) reader.feed(piece);
    if (closes) reader.close();
  } catch (error) {
    expect(error).toBeInstanceOf(BadResponse);
    seen.bad = (error as Error).message;
  }
  return { ...seen, reusable: reader.isReusable };
}
const whole = (text: string): Buffer[] => [Buffer.from(text, 'latin1')];
const byByte = (text: string): Buffer[] =>
  [...Buffer.from(text, 'latin1')].map((byte) => Buffer.from([byte]));

const GOOD: [name: string, text: string, expected: Partial<Read>][] = [
  ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', { status: 200, body: 'ok', reusable: true }],
  ['no reason', 'HTTP/1.1 204\r\n\r\n', { status: 204, body: '', reusable: true }],
  [
    'the same length twice',
    'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok',
    { body: 'ok' },
  ],
  ['an empty body', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', { status: 200, reusable: true }],
  [
    'chunks, an extension and trailers',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;a=b\r\nok\r\nA\r\n0123456789\r\n0\r\nx: y\r\n\r\n',
    { body: 'ok0123456789', reusable: true },
  ],
  [
    'bare line feeds',
    'HTTP/1.1 200 OK\ncontent-length: 2\n\nok',
    { status: 200, body: 'ok', reusable: true },
  ],
  [
    'interim answers',
    'HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
    { status: 200 },
  ],
  [
    'Retry-After',
    'HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n',
    { status: 429, retryAfter: '7' },
  ],
  [
    'Connection: close',
    'HTTP/1.1 200 OK\r\nconnection: Close\r\ncontent-length: 0\r\n\r\n',
    { reusable: false },
  ],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n', { reusable: false }],
  [
    'HTTP/1.0 kept alive',
    'HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n',
    { reusable: true },
  ],
  ['bytes too many', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP', { body: 'ok', reusable: false }],
];

describe('a response', () => {
  it.each(GOOD)('with %s, in one piece', (_name, text, expected) => {
    expect(read(whole(text))).toMatchObject({ ended: true, bad: null, ...expected });
  });

  it.each(GOOD)('with %s, byte by byte', (name, text, expected) => {
    // What comes in a piece of its own after the end is the connection's to refuse.
    const reusable = name === 'bytes too many' ? {} : expected;
    expect(read(byByte(text))).toMatchObject({
      ended: true,
      bad: null,
      ...reusable,
      status: read(whole(text)).status,
    });
  });

  it('until the close has no end before that', () => {
    const text = 'HTTP/1.1 200 OK\r\n\r\nhello';
    expect(read(whole(text))).toMatchObject({ body: 'hello', ended: false });
    expect(read(whole(text), true)).toMatchObject({ body: 'hello', ended: true, reusable: false });
  });

  it.each([
    'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n',
    'HTTP/1.1 200 OK\r\n',
    '',
  ])('that is cut off does not end: %j', (text) => {
    expect(read(whole(text), true).ended).toBe(false);
  });

  it.each([
    'SSH-2.0-x\r\n',
    'HTTP/2 200 OK\r\n\r\n',
    'HTTP/1.1 99 x\r\n\r\n',
    'HTTP/1.1 2000 x\r\n\r\n',
    'HTTP/1.1  200 x\r\n\r\n',
    'HTTP/1.1 101 x\r\nupgrade: h2c\r\n\r\n',
    'HTTP/1.1 200 OK\r\nx: \0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nno colon\r\n\r\n',
    'HTTP/1.1 200 OK\r\nx: a\r\n folded\r\n\r\n',
    'HTTP/1.1 200 OK\r\nx y: z\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nokX\r\n',
  ])('that makes no sense is refused: %j', (text) => {
    expect(read(whole(text)).bad).not.toBeNull();
    expect(read(byByte(text)).bad).not.toBeNull();
  });

  it('means the same however it is cut into pieces', () => {
    const anyResponse = fc.constantFrom(
      ...GOOD.map(([, text]) => text).filter((text) => !text.endsWith('okHTTP')),
    );
    fc.assert(
      fc.property(anyResponse, fc.array(fc.nat(40), { maxLength: 20 }), (text, cuts) => {
        const bytes = Buffer.from(text, 'latin1');
        const pieces: Buffer[] = [];
        let at = 0;
        for (const cut of cuts) {
          pieces.push(bytes.subarray(at, at + cut));
          at = Math.min(bytes.length, at + cut);
        }
        pieces.push(bytes.subarray(at));
        expect(read(pieces)).toEqual(read([bytes]));
      }),
      { numRuns: 500 },
    );
  });

  it('of any bytes at all throws nothing else, and holds little', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }),
        fc.boolean(),
        (pieces, starts) => {
          const begin = starts ? [Buffer.from('HTTP/1.1 200 OK\r\n')] : [];
          read([...begin, ...pieces.map((piece) => Buffer.from(piece))], true);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
