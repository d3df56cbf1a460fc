import { describe, expect, it } from 'vitest';
import {
  address,
  bounded,
  id,
  integer,
  isoTime,
  messageIdHeader,
  metadata,
  milliseconds,
  parseJson,
  seconds,
  tags,
  text,
  utf8,
} from './json-fields.ts';
import { categoryOfReply, smtpReply } from './smtp-reply.ts';

describe('fields', () => {
  it.each([
    [text, ' x ', 'x'],
    [text, '', null],
    [text, ' ', null],
    [text, 7, '7'],
    [text, Number.NaN, null],
    [text, ['x'], null],
    [text, 'a\0b\ud800', 'a\uFFFDb\uFFFD'],
    [text, 'y'.repeat(1_001), 'y'.repeat(1_000)],
    [id, 'y'.repeat(1_001), null],
    [integer, '550', 550],
    [integer, '5.5', null],
    [integer, 2 ** 60, null],
    [address, ' ann@example.com ', 'ann@example.com'],
    [address, '"A, B" <ann@example.com>', 'ann@example.com'],
    [address, 'ann', null],
    [address, `${'a'.repeat(320)}@b`, null],
    [messageIdHeader, 'a@b', '<a@b>'],
    [messageIdHeader, '<a@b>', '<a@b>'],
    [messageIdHeader, '<>', null],
    [seconds, 1.5, 1_500],
    [seconds, '1.5', 1_500],
    [seconds, '1.5.', null],
    [seconds, 0, null],
    [seconds, 1e20, null],
    [milliseconds, '1500', 1_500],
    [isoTime, '2027-01-15T10:30:00Z', Date.UTC(2027, 0, 15, 10, 30)],
    [isoTime, '2027-01-15 10:30:00', Date.UTC(2027, 0, 15, 10, 30)],
    [isoTime, '2027-01-15T05:30:00.1234567-05:00', Date.UTC(2027, 0, 15, 10, 30, 0, 123)],
    [isoTime, '2027-13-15T10:30:00Z', null],
    [isoTime, 'yesterday', null],
  ] as [(value: unknown) => unknown, unknown, unknown][])('%o of %j is %j', (read, value, expected) => {
    expect(read(value)).toBe(expected);
  });

  it('keeps texts of tags and metadata, and not many of them', () => {
    expect(tags('a')).toEqual(['a']);
    expect(tags(['a', 1, null, {}, ''])).toEqual(['a', '1']);
    expect(tags(Array.from({ length: 60 }, String))).toHaveLength(50);
    expect(metadata({ a: 'x', b: 1, c: true, d: {}, e: null, '': 'x' })).toEqual({
      a: 'x',
      b: '1',
      c: 'true',
    });
    expect(Object.keys(metadata(JSON.parse('{"__proto__":"x","constructor":"y"}')))).toEqual(['constructor']);
    expect(
      Object.keys(metadata(Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`k${i}`, 'x'])))),
    ).toHaveLength(50);
  });

  it('reads UTF-8 and JSON strictly, and long integers as they are written', () => {
    expect(utf8(Uint8Array.of(0xff))).toBeNull();
    expect(parseJson('\uFEFF{}')).toBeUndefined();
    expect(
      parseJson(
        '{"a":19421777836302491,"b":[-12345678901234567],"c":"1234567890123456 \\" 1234567890123456"}',
      ),
    ).toEqual({
      a: '19421777836302491',
      b: ['-12345678901234567'],
      c: '1234567890123456 " 1234567890123456',
    });
    expect(parseJson('[1234567890123456.5,0.1234567890123456,1e1234567890123456]')).toEqual([
      1234567890123456.5,
      0.1234567890123456,
      Infinity,
    ]);
  });

  it('copies payloads within bounds', () => {
    const deep = JSON.parse('['.repeat(10_000) + ']'.repeat(10_000)) as unknown;
    expect(JSON.stringify(bounded(deep)).length).toBeLessThanOrEqual(2 * 501);
    expect(bounded({ a: [1, 'x', null, { b: true }] })).toEqual({ a: [1, 'x', null, { b: true }] });
    expect(
      JSON.stringify(bounded({ a: Array.from({ length: 1_000 }, () => ({ b: 1 })) })).length,
    ).toBeLessThan(5_000);
    expect(bounded('y'.repeat(10_000))).toHaveLength(8_192);
  });
});

describe('replies', () => {
  it.each([
    ['550 5.1.1 no such user', 550, '5.1.1', 'invalid_email'],
    ['smtp; 550-5.7.26 unauthenticated', 550, '5.7.26', 'auth_failure'],
    ['smtp;552 #5.2.2 over quota', 552, '5.2.2', 'mailbox_full'],
    ['host mx.example.com said: 554 5.3.4 too big', 554, '5.3.4', 'message_too_large'],
    ['451 try later', 451, null, null],
    ['connect to 192.0.2.550: refused', null, null, null],
    ['version 5.1.1.2 of 2550 things', null, null, null],
    ['', null, null, null],
  ])('%j', (message, code, enhanced, category) => {
    const reply = smtpReply(message);
    expect(reply).toEqual({ code, enhanced, message: message === '' ? null : message });
    expect(categoryOfReply(reply)).toBe(category);
  });

  it('takes codes that stand apart, when they are codes', () => {
    expect(smtpReply('no', '550', '5.1.10')).toEqual({ code: 550, enhanced: '5.1.10', message: 'no' });
    expect(smtpReply('550 no', 605, 'x')).toEqual({ code: 550, enhanced: null, message: '550 no' });
  });
});
