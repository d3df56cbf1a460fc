import { describe, expect, it } from 'vitest';
import { PostriderError } from '../domain/errors.ts';
import { readMime, type MimeOptions } from './mime-input.ts';
import { LIMITS, NOW } from './testing/fakes.ts';

const OPTIONS: MimeOptions = {
  limits: LIMITS,
  message_id: 'msg_1',
  messageIdHeader: 'msg_1@example.com',
  hostname: 'mx.example.com',
  date: new Date(NOW),
  client: { helo: 'app.example.com', address: '192.0.2.7', protocol: 'ESMTPSA' },
};

function mail(header: string[], body = 'Hi\r\n'): Buffer {
  return Buffer.from(`${header.map((line) => `${line}\r\n`).join('')}\r\n${body}`, 'latin1');
}

const GOOD = ['From: a@example.com', 'To: ann@example.com', 'Subject: Hello', 'Date: x', 'Message-ID: <1@e>'];

function read(raw: Buffer, options: Partial<MimeOptions> = {}) {
  return readMime(raw, { ...OPTIONS, ...options });
}

function faultOf(raw: Buffer): { path: string; message: string } | undefined {
  try {
    read(raw);
  } catch (error) {
    if (!(error instanceof PostriderError)) throw error;
    expect(error.code).toBe('validation_failed');
    return error.errors[0];
  }
  return undefined;
}

const RECEIVED =
  'Received: from app.example.com ([192.0.2.7])\r\n\tby mx.example.com with ESMTPSA id msg_1;\r\n\tSun, 19 Apr 2026 14:32:01 +0000\r\n';

describe('a message by SMTP', () => {
  it('keeps every byte and gets a Received in front', () => {
    const body = Buffer.from(
      Array.from({ length: 256 }, (_, at) => at).filter((octet) => octet !== 10 && octet !== 13),
    );
    const odd = [
      'X-Odd :no',
      'x-folded: a\r\n\t b\r\n c',
      'X-8bit: \xe4\xff',
      'X-Empty:',
      'X-Trailing: a  ',
    ].slice(1);
    const raw = Buffer.concat([mail([...GOOD, ...odd], ''), body]);
    expect(read(raw).raw.equals(Buffer.concat([Buffer.from(RECEIVED), raw]))).toBe(true);
  });

  it('is listed with a subject of one line, whatever its encoded words say', () => {
    const raw = mail(['From: a@example.com', 'Subject: =?utf-8?B?YQANCmI=?= c']);
    const input = read(raw);
    expect(input.subject).toBe('a b c');
    expect(input.raw.toString()).toContain('Subject: =?utf-8?B?YQANCmI=?= c\r\n');
  });

  it('adds Date and Message-ID where they are absent', () => {
    const text = read(mail(['From: a@example.com'])).raw.toString();
    expect(text).toBe(
      `${RECEIVED}Date: Sun, 19 Apr 2026 14:32:01 +0000\r\nMessage-ID: <msg_1@example.com>\r\nFrom: a@example.com\r\n\r\nHi\r\n`,
    );
  });

  it('takes out our own headers and Bcc, folded lines and all', () => {
    const raw = mail([
      'BCC: hidden@example.com,',
      '\tmore@example.com',
      'X-Postrider-Tag: a, b',
      ...GOOD,
      'x-postrider-tag: c',
      'X-Postrider-Metadata: order=12=3',
      'X-POSTRIDER-METADATA: {"a":',
      ' "b"}',
      'X-Postrider-Campaign: spring',
      'X-Postrider-Stream: bulk',
      'Resent-Bcc: hidden@example.com',
    ]);
    const input = read(raw);
    expect(input).toMatchObject({
      tags: ['a', 'b', 'c'],
      metadata: { order: '12=3', a: 'b' },
      campaign_id: 'spring',
      stream: 'bulk',
    });
    expect(input.raw.toString()).toBe(RECEIVED + mail(GOOD).toString());
  });

  it('decodes encoded words in what it uses', () => {
    const input = read(
      mail([
        ...GOOD.filter((line) => !line.startsWith('Subject')),
        'Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=',
        ' =?UTF-8?Q?_aus_J=C3=B5geva?=',
        `X-Postrider-Metadata: =?UTF-8?B?${Buffer.from('{"ort":"Jõgeva"}').toString('base64')}?=`,
        'X-Postrider-Tag: =?UTF-8?Q?gr=C3=BCn?=',
      ]),
    );
    expect(input).toMatchObject({ subject: 'Grüße aus Jõgeva', metadata: { ort: 'Jõgeva' }, tags: ['grün'] });
  });

  it('tells the roles by the header', () => {
    const input = read(
      mail(['From: a@example.com', 'To: "X, Y" <Ann@Example.com>,', ' b@example.com', 'Cc: <c@example.com>']),
    );
    expect(
      ['ann@example.com', 'b@example.com', 'c@example.com', 'd@example.com'].map((address) =>
        input.roleOf(address),
      ),
    ).toEqual(['to', 'to', 'cc', 'bcc']);
  });

  it('gives a message without a body its empty line', () => {
    expect(read(Buffer.from(`${GOOD.join('\r\n')}\r\n`)).raw.toString()).toBe(
      `${RECEIVED}${GOOD.join('\r\n')}\r\n\r\n`,
    );
  });

  it('repeats nothing of a client that could break the header', () => {
    const client = { helo: 'x\r\nBcc: e@evil.example (', address: '::ffff:192.0.2.7', protocol: 'ESMTPA' };
    const text = read(mail(GOOD), { client }).raw.toString();
    expect(text).toMatch(/^Received: from xBcc:eevil\.example \(\[192\.0\.2\.7\]\)\r\n\tby /);
    const six = { helo: '', address: '2001:db8::1', protocol: 'ESMTP' };
    expect(read(mail(GOOD), { client: six }).raw.toString()).toMatch(
      /^Received: from unknown \(\[IPv6:2001:db8::1\]\)/,
    );
  });

  it.each([
    ['nothing', '', '/headers/From'],
    ['only a body', '\r\nHi\r\n', '/headers/From'],
    ['no From', 'To: a@b.c\r\n\r\n', '/headers/From'],
    ['two From', 'From: a@b.c\r\nfrom: e@evil.example\r\n\r\n', '/headers/From'],
    ['bare LF', 'From: a@b.c\nTo: x\r\n\r\n', '/headers'],
    ['bare LF as the empty line', 'From: a@b.c\r\n\nHi', '/headers'],
    ['bare CR', 'From: a@b.c\rBcc: e@evil.example\r\n\r\n', '/headers'],
    ['bare CR as the empty line', 'From: a@b.c\r\n\rHi\r\n', '/headers'],
    ['a header that never ends', 'From: a@b.c', '/headers'],
    ['NUL', 'From: a@b.c\r\nX: \0\r\n\r\n', '/headers'],
    ['white space first', ' From: a@b.c\r\n\r\n', '/headers'],
    ['a line without colon', 'From: a@b.c\r\nHello\r\n\r\n', '/headers'],
    ['a name with a space', 'From: a@b.c\r\nX Y: z\r\n\r\n', '/headers'],
    ['a blank before the colon', 'From : a@b.c\r\n\r\n', '/headers'],
    ['an mbox line', 'From a@b.c Mon Jan 1\r\nFrom: a@b.c\r\n\r\n', '/headers'],
    ['too many fields', `From: a@b.c\r\n${'X: y\r\n'.repeat(1001)}\r\n`, '/headers'],
    ['too many octets', `From: a@b.c\r\nX: ${'y\r\n '.repeat(30_000)}\r\n\r\n`, '/headers'],
    ['a misspelt header of ours', 'From: a@b.c\r\nX-Postrider-Tags: x\r\n\r\n', '/headers/x-postrider-tags'],
    ['an empty tag', 'From: a@b.c\r\nX-Postrider-Tag: a,,b\r\n\r\n', '/headers/X-Postrider-Tag/1'],
    ['metadata without =', 'From: a@b.c\r\nX-Postrider-Metadata: x\r\n\r\n', '/headers/X-Postrider-Metadata'],
    [
      'metadata that is no JSON',
      'From: a@b.c\r\nX-Postrider-Metadata: {"a"\r\n\r\n',
      '/headers/X-Postrider-Metadata',
    ],
    [
      'a number in metadata',
      'From: a@b.c\r\nX-Postrider-Metadata: {"a":1}\r\n\r\n',
      '/headers/X-Postrider-Metadata/a',
    ],
    [
      '__proto__ in metadata',
      'From: a@b.c\r\nX-Postrider-Metadata: {"__proto__":"x"}\r\n\r\n',
      '/headers/X-Postrider-Metadata/__proto__',
    ],
    [
      '__proto__ as a pair',
      'From: a@b.c\r\nX-Postrider-Metadata: __proto__=x\r\n\r\n',
      '/headers/X-Postrider-Metadata/__proto__',
    ],
    [
      'a key twice',
      'From: a@b.c\r\nX-Postrider-Metadata: a=1\r\nX-Postrider-Metadata: a=2\r\n\r\n',
      '/headers/X-Postrider-Metadata',
    ],
    [
      'two campaigns',
      'From: a@b.c\r\nX-Postrider-Campaign: a\r\nX-Postrider-Campaign: b\r\n\r\n',
      '/headers/X-Postrider-Campaign',
    ],
    ['a bad stream', 'From: a@b.c\r\nX-Postrider-Stream: A B\r\n\r\n', '/headers/X-Postrider-Stream'],
    [
      'CR LF through an encoded word',
      'From: a@b.c\r\nX-Postrider-Tag: =?utf-8?Q?a=0D=0Ab?=\r\n\r\n',
      '/headers/X-Postrider-Tag/0',
    ],
  ])('refuses %s', (_name, text, path) => {
    expect(faultOf(Buffer.from(text, 'latin1'))?.path).toBe(path);
  });

  it('takes no more than its time for a hostile header', () => {
    const before = process.cpuUsage();
    for (const line of [
      'X: =?'.padEnd(60_000, '=?utf-8?q?'),
      `To: ${'<'.repeat(60_000)}`,
      `Subject: ${'=?a?b?'.repeat(10_000)}`,
    ])
      read(mail(['From: a@b.c', line]));
    for (const text of [':'.repeat(60_000), 'a:\r\n'.repeat(900), ' \r\n'.repeat(20_000)])
      faultOf(Buffer.from(text));
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(1_000_000);
  });
});
