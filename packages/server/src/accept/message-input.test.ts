import { messageBodySchema } from '@postrider/contract/schemas/message';
import { describe, expect, it } from 'vitest';
import { PostriderError } from '../domain/errors.ts';
import { compileSchema } from '../domain/validator.ts';
import { readMessage } from './message-input.ts';
import { LIMITS, NOW } from './testing/fakes.ts';

const GOOD = { from: 'Shop <shop@example.com>', to: 'ann@example.com', subject: 'Hello', text: 'Hi' };

const schemaFaults = compileSchema(messageBodySchema);

/** What is read must also fit the schema that the API document shows. */
function read(body: unknown) {
  const message = readMessage(body, { limits: LIMITS, now: NOW });
  expect(schemaFaults(body)).toEqual([]);
  return message;
}

function readOnly(body: unknown) {
  return readMessage(body, { limits: LIMITS, now: NOW });
}

/** Paths and messages of what is wrong with GOOD changed by `change`. */
function faultsOf(change: object | unknown[] | string | number | null): { path: string; message: string }[] {
  const whole = typeof change === 'object' && change !== null && !Array.isArray(change);
  try {
    readOnly(whole ? { ...GOOD, ...change } : change);
  } catch (error) {
    if (!(error instanceof PostriderError)) throw error;
    expect(error.code).toBe('validation_failed');
    expect(error.errors.length).toBeLessThanOrEqual(50);
    return error.errors;
  }
  return [];
}

/** JSON.parse makes these keys own members, as a request does. */
const PROTO_METADATA = JSON.parse('{"__proto__":"x"}') as object;
const PROTO_TOP = JSON.parse('{"__proto__":{"html":"<b>x</b>"}}') as object;

describe('a message that fits', () => {
  it('is read with its defaults', () => {
    expect(read(GOOD)).toMatchObject({
      from: { address: 'shop@example.com', name: 'Shop' },
      recipients: [{ mailbox: { address: 'ann@example.com', name: '' }, role: 'to' }],
      subject: 'Hello',
      html: null,
      text: 'Hi',
      headers: [],
      attachments: [],
      tags: [],
      metadata: {},
      campaign_id: null,
      stream: 'transactional',
      track: { opens: false, clicks: false },
      unsubscribe: null,
      send_at: null,
      expires_at: null,
    });
  });

  it('keeps the first role of a recipient named twice', () => {
    const message = read({
      ...GOOD,
      to: ['Ann <ann@EXAMPLE.com>', { email: 'bob@example.com', name: 'Bob' }],
      cc: ['"ann"@example.com', 'cy@example.com'],
      bcc: 'bob@example.com',
    });
    expect(message.recipients.map(({ mailbox, role }) => [mailbox.address, mailbox.name, role])).toEqual([
      ['ann@example.com', 'Ann', 'to'],
      ['bob@example.com', 'Bob', 'to'],
      ['cy@example.com', '', 'cc'],
    ]);
  });

  it('takes everything at once', () => {
    const message = read({
      ...GOOD,
      html: '<p>Hi</p>',
      reply_to: ['a@example.com', 'B <b@example.com>'],
      headers: {
        'X-Order': '12 \t 3',
        'List-Unsubscribe': '<https://example.com/u>',
        'In-Reply-To': '<a@b.c>',
      },
      attachments: [{ filename: 'ä.txt', content: 'aGk=', content_type: 'text/plain; charset=utf-8' }],
      tags: ['a', 'b', 'a'],
      metadata: { order: '12' },
      campaign_id: 'spring',
      stream: 'bulk',
      track: { opens: true },
      unsubscribe: { list: 'news' },
      send_at: '2026-04-20T14:00:00+02:00',
      expires_at: '2026-04-21T00:00:00.5Z',
    });
    expect(message.tags).toEqual(['a', 'b']);
    expect(message.track).toEqual({ opens: true, clicks: false });
    expect(message.unsubscribe).toEqual({ list: 'news' });
    expect(message.send_at).toBe(Date.UTC(2026, 3, 20, 12));
    expect(message.expires_at).toBe(Date.UTC(2026, 3, 21, 0, 0, 0, 500));
    expect(message.attachments[0]?.content.toString()).toBe('hi');
  });

  it('takes a send_at that has passed as at once, and keeps an expires_at that has passed', () => {
    const message = read({ ...GOOD, send_at: '2020-01-01T00:00:00Z', expires_at: '2020-01-02T00:00:00Z' });
    expect(message.send_at).toBeNull();
    expect(message.expires_at).toBe(Date.UTC(2020, 0, 2));
  });

  it('finds the type of an attachment by its name, and trusts no name about messages', () => {
    const types = ['a.pdf', 'b.unknown', 'c.eml'].map((filename) => ({ filename, content: 'w6Q=' }));
    const message = read({ ...GOOD, attachments: types });
    expect(message.attachments.map((one) => one.content_type)).toEqual([
      'application/pdf',
      'application/octet-stream',
      'application/octet-stream',
    ]);
  });
});

describe('a message that does not fit', () => {
  it.each<[string, object | unknown[] | string | number | null, string]>([
    ['null', null, ''],
    ['a list', [], ''],
    ['a string', 'x', ''],
    ['an unknown field', { subjct: 'x' }, '/subjct'],
    ['__proto__ as a field', PROTO_TOP, '/__proto__'],
    ['a field with a slash', { 'a/b~c': 1 }, '/a~1b~0c'],
    ['a template', { template_id: 'x' }, '/template_id'],
    ['a time without seconds', { send_at: '2026-04-20T14:00Z' }, '/send_at'],
    ['no from', { from: undefined }, '/from'],
    ['a list as from', { from: ['a@example.com', 'b@example.com'] }, '/from'],
    ['a null from', { from: null }, '/from'],
    ['CR LF in from', { from: 'A\r\nBcc: e@evil.example <a@example.com>' }, '/from'],
    ['NUL in from', { from: 'a\0@example.com' }, '/from'],
    ['an unknown field in from', { from: { email: 'a@example.com', nmae: 'x' } }, '/from/nmae'],
    ['CR LF in a name', { from: { email: 'a@example.com', name: 'A\r\nX: y' } }, '/from/name'],
    ['a number as name', { from: { email: 'a@example.com', name: 5 } }, '/from/name'],
    ['a number as email', { from: { email: 5 } }, '/from/email'],
    ['a lenient mailbox', { from: '"x" <evil@a.example> <real@b.example>' }, '/from'],
    ['no recipients', { to: [] }, '/to'],
    ['a number as recipient', { to: 7 }, '/to'],
    ['nested lists', { to: [['a@example.com']] }, '/to/0'],
    ['a bad recipient in a list', { to: ['a@example.com', 'nobody'] }, '/to/1'],
    ['a bad cc', { cc: 'nobody' }, '/cc'],
    ['a bad bcc object', { bcc: [{ email: 'x@y' }] }, '/bcc/0/email'],
    ['1,001 recipients', { to: Array.from({ length: 1001 }, (_, at) => `a${at}@example.com`) }, '/to'],
    ['10,000 recipients', { to: Array.from({ length: 10_000 }, (_, at) => `a${at}@example.com`) }, '/to'],
    [
      '1,001 recipients in two fields',
      { to: Array.from({ length: 1000 }, (_, at) => `a${at}@example.com`), cc: 'b@example.com' },
      '/to',
    ],
    ['a bad reply_to', { reply_to: 'x' }, '/reply_to'],
    ['no subject', { subject: undefined }, '/subject'],
    ['a number as subject', { subject: 5 }, '/subject'],
    ['CR LF in the subject', { subject: 'x\r\nBcc: e@evil.example' }, '/subject'],
    ['LF in the subject', { subject: 'x\ny' }, '/subject'],
    ['NUL in the subject', { subject: 'x\0y' }, '/subject'],
    ['a lone surrogate in the subject', { subject: 'x\ud800y' }, '/subject'],
    ['a long subject', { subject: 'x '.repeat(500) }, '/subject'],
    ['a subject that no line can carry', { subject: 'x'.repeat(950) }, '/subject'],
    ['neither html nor text', { text: undefined }, '/html'],
    ['an empty text', { text: '' }, '/text'],
    ['NUL in the text', { text: 'a\0b' }, '/text'],
    ['a lone surrogate in the html', { html: 'a\udfffb' }, '/html'],
    ['a list as html', { html: ['x'] }, '/html'],
    ['a list of headers', { headers: [['X-A', 'b']] }, '/headers'],
    ['a number as header', { headers: { 'X-A': 5 } }, '/headers/X-A'],
    ['CR LF in a header', { headers: { 'X-A': 'b\r\nBcc: e@evil.example' } }, '/headers/X-A'],
    ['NUL in a header', { headers: { 'X-A': 'b\0' } }, '/headers/X-A'],
    ['LF in a header name', { headers: { 'X-A\nBcc': 'b' } }, '/headers/X-A\nBcc'],
    ['a colon in a header name', { headers: { 'X-A: b': 'c' } }, '/headers/X-A: b'],
    ['an empty header name', { headers: { '': 'c' } }, '/headers/'],
    ['a header that no line can carry', { headers: { 'X-A': 'x'.repeat(1000) } }, '/headers/X-A'],
    ['too many octets of headers', { headers: { 'X-A': 'x '.repeat(40_000) } }, '/headers'],
    ['From as a header', { headers: { From: 'a@example.com' } }, '/headers/From'],
    ['bCC as a header', { headers: { bCC: 'a@example.com' } }, '/headers/bCC'],
    ['Content-Type as a header', { headers: { 'content-type': 'text/html' } }, '/headers/content-type'],
    ['DKIM-Signature as a header', { headers: { 'DKIM-Signature': 'v=1' } }, '/headers/DKIM-Signature'],
    ['Received as a header', { headers: { Received: 'x' } }, '/headers/Received'],
    ['Return-Path as a header', { headers: { 'Return-Path': '<>' } }, '/headers/Return-Path'],
    ['X-Postrider-Tag as a header', { headers: { 'X-Postrider-Tag': 'x' } }, '/headers/X-Postrider-Tag'],
    ['an object as attachments', { attachments: {} }, '/attachments'],
    ['a string as attachment', { attachments: ['x'] }, '/attachments/0'],
    ['no filename', { attachments: [{ content: '' }] }, '/attachments/0/filename'],
    ['a path as filename', { attachments: [{ filename: '../a', content: '' }] }, '/attachments/0/filename'],
    [
      'CR LF in a filename',
      { attachments: [{ filename: 'a\r\nb', content: '' }] },
      '/attachments/0/filename',
    ],
    ['no content', { attachments: [{ filename: 'a' }] }, '/attachments/0/content'],
    [
      'content from a file',
      { attachments: [{ filename: 'a', content: '', path: '/etc/passwd' }] },
      '/attachments/0/path',
    ],
    [
      'content from a URL',
      { attachments: [{ filename: 'a', content: { href: 'http://x' } }] },
      '/attachments/0/content',
    ],
    [
      'base64 with a line break',
      { attachments: [{ filename: 'a', content: 'aGk=\n' }] },
      '/attachments/0/content',
    ],
    [
      'base64 without padding',
      { attachments: [{ filename: 'a', content: 'aGk' }] },
      '/attachments/0/content',
    ],
    [
      'base64 padded too much',
      { attachments: [{ filename: 'a', content: 'aG===' }] },
      '/attachments/0/content',
    ],
    [
      'padding in the middle',
      { attachments: [{ filename: 'a', content: 'aG==aGk=' }] },
      '/attachments/0/content',
    ],
    [
      'base64 with bits left over',
      { attachments: [{ filename: 'a', content: 'aGl=' }] },
      '/attachments/0/content',
    ],
    ['the URL alphabet', { attachments: [{ filename: 'a', content: 'a-_=' }] }, '/attachments/0/content'],
    ['no base64 at all', { attachments: [{ filename: 'a', content: '!!!!' }] }, '/attachments/0/content'],
    [
      'a bad content type',
      { attachments: [{ filename: 'a', content: '', content_type: 'pdf' }] },
      '/attachments/0/content_type',
    ],
    [
      'a header in a content type',
      { attachments: [{ filename: 'a', content: '', content_type: 'text/plain\r\nX: y' }] },
      '/attachments/0/content_type',
    ],
    [
      'a multipart attachment',
      { attachments: [{ filename: 'a', content: '', content_type: 'multipart/mixed; boundary=x' }] },
      '/attachments/0/content_type',
    ],
    [
      'a message with bare LF',
      { attachments: [{ filename: 'a', content: btoa('A: b\n\nc'), content_type: 'message/rfc822' }] },
      '/attachments/0/content_type',
    ],
    [
      'brackets in a content id',
      { attachments: [{ filename: 'a', content: '', content_id: '<x>' }] },
      '/attachments/0/content_id',
    ],
    [
      'CR LF in a content id',
      { attachments: [{ filename: 'a', content: '', content_id: 'x\r\nY: z' }] },
      '/attachments/0/content_id',
    ],
    [
      'a content id twice',
      {
        attachments: [
          { filename: 'a', content: '', content_id: 'x' },
          { filename: 'b', content: '', content_id: 'x' },
        ],
      },
      '/attachments/1/content_id',
    ],
    [
      '11 attachments',
      { attachments: Array.from({ length: 11 }, () => ({ filename: 'a', content: '' })) },
      '/attachments',
    ],
    ['a string as tags', { tags: 'x' }, '/tags'],
    ['a number as tag', { tags: [5] }, '/tags/0'],
    ['an empty tag', { tags: ['a', ' '] }, '/tags/1'],
    ['a long tag', { tags: ['x'.repeat(65)] }, '/tags/0'],
    ['LF in a tag', { tags: ['a\nb'] }, '/tags/0'],
    ['11 tags', { tags: Array.from({ length: 11 }, (_, at) => `t${at}`) }, '/tags'],
    ['a list as metadata', { metadata: ['a'] }, '/metadata'],
    ['a number in metadata', { metadata: { n: 5 } }, '/metadata/n'],
    ['an object in metadata', { metadata: { n: {} } }, '/metadata/n'],
    ['__proto__ in metadata', { metadata: PROTO_METADATA }, '/metadata/__proto__'],
    ['constructor in metadata', { metadata: { constructor: 'x' } }, '/metadata/constructor'],
    ['NUL in metadata', { metadata: { a: '\0' } }, '/metadata/a'],
    ['a lone surrogate in a metadata key', { metadata: { 'a\ud800': 'x' } }, '/metadata/a\ufffd'],
    ['much metadata', { metadata: { a: 'x'.repeat(1001) } }, '/metadata'],
    [
      '11 pairs',
      { metadata: Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`k${at}`, 'v'])) },
      '/metadata',
    ],
    ['a number as campaign', { campaign_id: 5 }, '/campaign_id'],
    ['an empty campaign', { campaign_id: '' }, '/campaign_id'],
    ['capitals in the stream', { stream: 'Bulk' }, '/stream'],
    ['CR LF in the stream', { stream: 'bulk\r\n' }, '/stream'],
    ['true as track', { track: true }, '/track'],
    ['a string in track', { track: { opens: 'yes' } }, '/track/opens'],
    ['an unknown field in track', { track: { open: true } }, '/track/open'],
    ['true as unsubscribe', { unsubscribe: true }, '/unsubscribe'],
    ['an unknown field in unsubscribe', { unsubscribe: { lists: 'x' } }, '/unsubscribe/lists'],
    ['a time without zone', { send_at: '2026-04-20T14:00:00' }, '/send_at'],
    ['a date', { send_at: '2026-04-20' }, '/send_at'],
    ['a unix time', { send_at: 1776609121 }, '/send_at'],
    ['30 February', { send_at: '2026-02-30T00:00:00Z' }, '/send_at'],
    ['month 13', { send_at: '2026-13-01T00:00:00Z' }, '/send_at'],
    ['hour 24', { expires_at: '2026-04-20T24:00:00Z' }, '/expires_at'],
    ['31 days ahead', { send_at: '2026-05-21T00:00:00Z' }, '/send_at'],
    [
      'expiry before sending',
      { send_at: '2026-04-22T00:00:00Z', expires_at: '2026-04-21T00:00:00Z' },
      '/expires_at',
    ],
  ])('is refused with a path and a remedy: %s', (_name, change, path) => {
    const faults = faultsOf(change);
    expect(faults.map((fault) => fault.path)).toEqual([path]);
    expect(faults[0]?.message.length).toBeGreaterThan(10);
  });

  it('names everything that is wrong at once', () => {
    const faults = faultsOf({
      from: 'x',
      to: 'y',
      subject: 5,
      extra: 1,
      headers: { To: 'z' },
      tags: [1],
      metadata: { a: 1 },
      send_at: 'soon',
    });
    expect(faults.map((fault) => fault.path)).toEqual([
      '/extra',
      '/from',
      '/to',
      '/subject',
      '/headers/To',
      '/tags/0',
      '/metadata/a',
      '/send_at',
    ]);
  });

  it('stops telling after 50 faults and stays whole', () => {
    const extras = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`x${at}`, 1]));
    const faults = faultsOf({
      ...extras,
      from: { email: 'x', name: 5 },
      to: [{ name: 5 }, 5],
      attachments: [{ filename: 5, content_id: 5 }],
    });
    expect(faults).toHaveLength(50);
  });

  it('takes no more than its time for a hostile header', () => {
    const before = process.cpuUsage();
    faultsOf({ headers: { 'X-A': `${'x'.repeat(900)} `.repeat(30_000) } });
    faultsOf({ headers: { 'X-A': `${'x'.repeat(900)} `.repeat(70) } });
    faultsOf({ headers: Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => [`X-${at}`, ''])) });
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(1_000_000);
  });

  it('shortens a hostile key in its answer', () => {
    const [fault] = faultsOf({ ['k'.repeat(100_000)]: 1 });
    expect(fault?.path.length).toBeLessThan(200);
  });
});
