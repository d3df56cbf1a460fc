import PostalMime, { decodeWords } from 'postal-mime';
import { describe, expect, it } from 'vitest';
import { composeMime } from './compose-mime.ts';
import { readMessage } from './message-input.ts';
import { LIMITS, NOW } from './testing/fakes.ts';

const GOOD = { from: 'Shop <shop@example.com>', to: 'ann@example.com', subject: 'Hello', text: 'Hi' };

function compose(body: object): Buffer {
  const input = readMessage(body, { limits: LIMITS, now: NOW });
  return composeMime(input, { messageId: 'msg_1@example.com', date: new Date(NOW) });
}

async function parsed(body: object) {
  return PostalMime.parse(compose(body));
}

/** Nothing but CRLF ends a line, lines are short enough for every relay, and there is no NUL. */
function expectMailLines(raw: Buffer): void {
  const text = raw.toString('latin1');
  expect(text).not.toMatch(/\r(?!\n)|(?<!\r)\n|\0/);
  expect(text.endsWith('\r\n')).toBe(true);
  expect(Math.max(...text.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(998);
}

/** Every octet there is, in an order that no text encoding leaves alone. */
const EVERY_OCTET = Buffer.from(Array.from({ length: 1024 }, (_, at) => (at * 167) % 256));

describe('a composed message', () => {
  it.each([
    ['blanks alone', `a${' '.repeat(500)}b`],
    ['blanks after a long word', `${'a'.repeat(80)}${' '.repeat(200)}b`],
    ['blanks between foreign words', `ä${' '.repeat(300)}ö`],
    ['blanks at both ends', `${' '.repeat(60)}<${' '.repeat(60)}`],
    ['blanks and quotes', `a "${' '.repeat(200)}", b`],
  ])('has no header line of nothing but blanks: %s', async (_name, text) => {
    const raw = compose({
      ...GOOD,
      to: { email: 'ann@example.com', name: text.slice(0, 250) },
      subject: text,
      headers: { 'X-Note': text },
    });
    const header = raw.toString('latin1').split('\r\n\r\n')[0] ?? '';
    expect(header.split('\r\n').filter((line) => line.trim() === '')).toEqual([]);
    const mail = await PostalMime.parse(raw);
    expect(mail.subject?.trim()).toBe(text.trim());
    expect(mail.to?.[0]?.address).toBe('ann@example.com');
    expect(mail.headers.some(({ key }) => key === 'x-note')).toBe(true);
  });

  it('has the header that was asked for and nothing of Bcc', async () => {
    const raw = compose({
      ...GOOD,
      cc: 'Cy <cy@example.com>',
      bcc: ['Secret <hidden@example.com>'],
      reply_to: 'r@example.com',
    });
    const mail = await PostalMime.parse(raw);
    expect(mail).toMatchObject({
      from: { name: 'Shop', address: 'shop@example.com' },
      to: [{ name: '', address: 'ann@example.com' }],
      cc: [{ name: 'Cy', address: 'cy@example.com' }],
      replyTo: [{ address: 'r@example.com' }],
      subject: 'Hello',
      messageId: '<msg_1@example.com>',
      date: new Date(Math.floor(NOW / 1000) * 1000).toISOString(),
    });
    expect(mail.text?.trimEnd()).toBe('Hi');
    expect(raw.toString()).not.toMatch(/bcc|hidden|secret/i);
    expect(raw.toString()).toMatch(/^MIME-Version: 1\.0\r$/m);
    expectMailLines(raw);
  });

  it('says so when all recipients are hidden', () => {
    const raw = compose({ ...GOOD, to: undefined, bcc: 'hidden@example.com' }).toString();
    expect(raw).toMatch(/^To: undisclosed-recipients:;\r$/m);
    expect(raw).not.toContain('hidden');
  });

  it('comes out byte for byte: attachments, inline image, letters of the world, IDN', async () => {
    const html = `<p>Grüße aus Jõgeva 🚀</p><img src="cid:logo@shop">${'<b>lang</b> '.repeat(500)}`;
    const text = `Grüße\r\n\r\n.dot at the start\r\ntrailing blank \r\n=20 looks encoded\r\n${'ohne Umbruch '.repeat(200)}`;
    const mail = await parsed({
      from: { email: 'shop@jõgeva.ee', name: 'Jõgeva, "Pood" \\ 🚀' },
      to: ['Ärzte & Söhne <info@bücher.example>'],
      subject: 'Ihre Bestellung: Grüße, 你好, 🚀 und noch ein recht langer Rest, der umbrochen werden muss',
      html,
      text,
      attachments: [
        { filename: 'Rechnung № 7 "neu".bin', content: EVERY_OCTET.toString('base64') },
        { filename: 'logo.png', content: EVERY_OCTET.toString('base64'), content_id: 'logo@shop' },
        { filename: 'empty.txt', content: '' },
        {
          filename: 'a.ics',
          content: btoa('BEGIN:VCALENDAR'),
          content_type: 'text/calendar; method=REQUEST',
        },
        { filename: 'm.eml', content: btoa('From: a@b.c\r\n\r\nHi'), content_type: 'message/rfc822' },
      ],
    });
    expect(mail.from).toMatchObject({ name: 'Jõgeva, "Pood" \\ 🚀', address: 'shop@xn--jgeva-dua.ee' });
    expect(mail.to).toMatchObject([{ name: 'Ärzte & Söhne', address: 'info@xn--bcher-kva.example' }]);
    expect(mail.subject).toBe(
      'Ihre Bestellung: Grüße, 你好, 🚀 und noch ein recht langer Rest, der umbrochen werden muss',
    );
    expect(mail.html?.trimEnd()).toBe(html.trimEnd());
    expect(mail.text?.replaceAll('\r\n', '\n').trimEnd()).toBe(text.replaceAll('\r\n', '\n').trimEnd());
    const octets = (at: number) => Buffer.from(mail.attachments[at]?.content as ArrayBuffer);
    expect(mail.attachments.map((one) => [one.filename, one.mimeType, one.contentId ?? null])).toEqual([
      ['logo.png', 'image/png', '<logo@shop>'],
      ['Rechnung № 7 "neu".bin', 'application/octet-stream', null],
      ['empty.txt', 'text/plain', null],
      ['a.ics', 'text/calendar', null],
      ['m.eml', 'message/rfc822', null],
    ]);
    expect(octets(0).equals(EVERY_OCTET)).toBe(true);
    expect(octets(1).equals(EVERY_OCTET)).toBe(true);
    expect(octets(2)).toHaveLength(0);
    expect(mail.attachments[0]).toMatchObject({ disposition: 'inline', related: true });
  });

  it('keeps an internationalized local part with its domain in letters', async () => {
    const mail = await parsed({ ...GOOD, to: 'jõgi@xn--jgeva-dua.ee' });
    expect(mail.to).toMatchObject([{ address: 'jõgi@jõgeva.ee' }]);
  });

  it('writes quoted local parts so that they cannot be read as more recipients', async () => {
    const mail = await parsed({ ...GOOD, to: '"a, eve@evil.example"@example.com' });
    expect(mail.to).toHaveLength(1);
    expect(mail.to?.[0]?.address).toContain('@example.com');
  });

  it('brings its own headers, folded and encoded', async () => {
    const raw = compose({
      ...GOOD,
      headers: {
        'X-Order': 'Grüße 7',
        'List-Unsubscribe': '<https://example.com/u>',
        References: '<a@b.c> <d@e.f>',
        'X-Long': 'many words '.repeat(60).trim(),
        'x-equals': '=?utf-8?q?no?=',
      },
    });
    const mail = await PostalMime.parse(raw);
    const value = (key: string) =>
      decodeWords(mail.headers.find((header) => header.key === key)?.value ?? '');
    expect(value('x-order')).toBe('Grüße 7');
    expect(value('list-unsubscribe')).toBe('<https://example.com/u>');
    expect(mail.references).toBe('<a@b.c> <d@e.f>');
    expect(value('x-long')).toBe('many words '.repeat(60).trim());
    expectMailLines(raw);
  });

  it('ends every line in CRLF, whatever the bodies use', () => {
    for (const text of ['a\nb\r\nc\rd', 'short', `${'long '.repeat(300)}\n`, 'ä\n\rb', '你好'.repeat(400)])
      expectMailLines(compose({ ...GOOD, text, html: `<p>${text}</p>` }));
  });

  it('derives the text from the HTML when there is none', async () => {
    const mail = await parsed({
      ...GOOD,
      text: undefined,
      html: '<h1>Hi</h1><p>Your <a href="https://e.x/1">order</a></p>',
    });
    expect(mail.text?.trimEnd()).toBe('Hi\n\nYour order (https://e.x/1)');
  });

  it('shows no text part when the HTML has none to show', () => {
    const raw = compose({ ...GOOD, text: undefined, html: '<img src="cid:x">' }).toString();
    expect(raw).toMatch(/^Content-Type: text\/html/m);
    expect(raw).not.toContain('multipart');
  });

  it('reads no file and no URL', async () => {
    const mail = await parsed({
      ...GOOD,
      text: 'file:///etc/passwd',
      html: '<img src="data:image/png;base64,AAAA">',
    });
    expect(mail.text?.trimEnd()).toBe('file:///etc/passwd');
    expect(mail.attachments).toHaveLength(0);
  });

  it('carries a thousand recipients in its header', async () => {
    const to = Array.from({ length: 1000 }, (_, at) => `Person ${at} <person${at}@example.com>`);
    const raw = compose({ ...GOOD, to });
    expectMailLines(raw);
    expect((await PostalMime.parse(raw)).to).toHaveLength(1000);
  });
});
