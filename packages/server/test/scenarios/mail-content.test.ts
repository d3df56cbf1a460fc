/**
 * A mail with attachments, an inline image, a non-ASCII subject, display names and an IDN address goes in by every
 * door and by clients of other people's make, and comes out byte-correct, as an independent parser sees it.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MessageAccepted, MessageContent } from '@postrider/contract/schemas/message';
import MailComposer from 'nodemailer/lib/mail-composer';
import type Mail from 'nodemailer/lib/mailer';
import PostalMime, { type Email } from 'postal-mime';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Api } from '../kit/api.ts';
import { itNeeds } from '../kit/skip.ts';
import { installed, mailer, run, signedIn, submit } from '../kit/smtp.ts';
import { started } from '../kit/started.ts';

const kit = started();

/** Every octet, in an order in which no line ends where lines end. */
const BINARY = Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 167 + (index >> 8)) % 256));
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);
const NOTES = 'Zeile 1: süß\r\nline 2: 漢字\r\n.\r\n..dots\r\nFrom here on\r\n';
const SUBJECT =
  'Bestellung № 7 – „Grüße“ 😀 and a tail that is long enough to be folded over more than one line';
const HTML =
  '<p>Grüße &amp; <a href="https://shop.example/">mehr</a><img src="cid:logo@shop.example"></p>\r\n.\r\n';
const TEXT = `Grüße,\r\n\r\n.\r\n..\r\n${'long '.repeat(400)}\r\nEnde 😀\r\n`;
const FROM = { name: 'Jürgen "Der Shop" O’Neill, GmbH', address: 'shop@bücher.example' };
const TO = { name: 'Änne <Test>', address: 'delivered@bücher.example' };
const CC = { name: '', address: 'delivered+cc@sandbox.test' };
const ASCII = { from: 'shop@xn--bcher-kva.example', to: 'delivered@xn--bcher-kva.example' };

const FILES = [
  { filename: 'alle Oktette – ß.bin', content: BINARY, type: 'application/octet-stream' },
  { filename: 'notes.txt', content: Buffer.from(NOTES), type: 'text/plain' },
];
const INLINE = { filename: 'logo.png', content: PIXEL, type: 'image/png', cid: 'logo@shop.example' };

/** As nodemailer takes it. */
const MAIL: Mail.Options = {
  from: FROM,
  to: TO,
  cc: CC.address,
  bcc: 'delivered+hidden@sandbox.test',
  subject: SUBJECT,
  text: TEXT,
  html: HTML,
  attachments: [
    ...FILES.map(({ filename, content, type }) => ({ filename, content, contentType: type })),
    { filename: INLINE.filename, content: PIXEL, contentType: INLINE.type, cid: INLINE.cid },
  ],
};
const ENVELOPE = {
  from: ASCII.from,
  to: [ASCII.to, CC.address, 'delivered+hidden@sandbox.test'],
};

/** nodemailer's own type leaves the response open. */
interface Sent {
  response: string;
}

async function parsed(raw: Buffer): Promise<Email> {
  return PostalMime.parse(raw, { attachmentEncoding: 'arraybuffer' });
}

function ascii(address: string | undefined): string {
  const [local = '', domain = ''] = (address ?? '').split('@');
  return `${local}@${new URL(`http://${domain}`).hostname}`;
}

function normal(text: string | undefined): string {
  return (text ?? '').replace(/\r\n/g, '\n').replace(/\n+$/, '');
}

function expectContent(mail: Email): void {
  expect(mail.subject).toBe(SUBJECT);
  expect({ name: mail.from?.name, address: ascii(mail.from?.address) }).toEqual({
    name: FROM.name,
    address: ASCII.from,
  });
  expect(mail.to?.map(({ name, address }) => ({ name, address: ascii(address) }))).toEqual([
    { name: TO.name, address: ASCII.to },
  ]);
  expect(mail.cc?.map(({ address }) => address)).toEqual([CC.address]);
  expect(mail.bcc).toBeUndefined();
  expect(normal(mail.text)).toBe(normal(TEXT));
  expect(normal(mail.html)).toBe(normal(HTML));
  const attachments = mail.attachments.map(({ filename, mimeType, content }) => ({
    filename,
    type: mimeType,
    content: Buffer.from(content as ArrayBuffer).toString('base64'),
  }));
  const wanted = [...FILES, INLINE].map(({ filename, type, content }) => ({
    filename,
    type,
    content: content.toString('base64'),
  }));
  expect(attachments).toHaveLength(wanted.length);
  for (const one of wanted) expect(attachments).toContainEqual(one);
  const inline = mail.attachments.find((attachment) => attachment.filename === INLINE.filename);
  expect(inline).toMatchObject({ contentId: `<${INLINE.cid}>`, disposition: 'inline' });
}

/** Our own view of the parts says the same as the parser. */
async function expectShown(sandbox: Api, message_id: string): Promise<void> {
  const shown = await sandbox.get<MessageContent>(`/v1/messages/${message_id}/content`);
  expect(shown.subject).toBe(SUBJECT);
  expect(normal(shown.text ?? '')).toBe(normal(TEXT));
  expect(normal(shown.html ?? '')).toBe(normal(HTML));
  expect(new Map(shown.attachments.map(({ filename, size }) => [filename, size]))).toEqual(
    new Map([...FILES, INLINE].map(({ filename, content }) => [filename, content.length])),
  );
  const message = await sandbox.message(message_id);
  expect(message.subject).toBe(SUBJECT);
}

/** Every line ends in CRLF and is short enough for every server (RFC 5321 section 4.5.3.1.6, RFC 5322 section 2.1.1). */
function expectSendable(raw: Buffer): void {
  const text = raw.toString('latin1');
  expect(/(^|[^\r])\n|\r(?!\n)/.test(text)).toBe(false);
  for (const line of text.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998);
  expect(text.endsWith('\r\n')).toBe(true);
}

it('by HTTP', async () => {
  const { sandbox } = await kit.server.project();
  const base64 = (content: Buffer): string => content.toString('base64');
  const { message_id, recipients } = await sandbox.send({
    from: { email: FROM.address, name: FROM.name },
    to: [{ email: TO.address, name: TO.name }],
    cc: CC.address,
    bcc: 'delivered+hidden@sandbox.test',
    subject: SUBJECT,
    text: TEXT,
    html: HTML,
    attachments: [
      ...FILES.map(({ filename, content, type }) => ({
        filename,
        content: base64(content),
        content_type: type,
      })),
      {
        filename: INLINE.filename,
        content: base64(PIXEL),
        content_type: INLINE.type,
        content_id: INLINE.cid,
      },
    ],
  });
  expect(recipients.map(({ address }) => address)).toEqual(ENVELOPE.to);
  const raw = await sandbox.bytes(`/v1/messages/${message_id}/raw`);
  expectSendable(raw);
  expect(raw.includes('delivered+hidden')).toBe(false);
  expect(raw.every((octet) => octet < 128)).toBe(true);
  expectContent(await parsed(raw));
  await expectShown(sandbox, message_id);
  expect((await sandbox.message(message_id)).size).toBe(raw.length);
  await sandbox.advance(0);
  expect(await sandbox.bytes(`/v1/sandbox/messages/${message_id}/raw`)).toEqual(raw);
});

it('by HTTP with HTML alone: a plain text of it is added', async () => {
  const { sandbox } = await kit.server.project();
  const { message_id } = await sandbox.ok<MessageAccepted>('POST', '/v1/messages', {
    json: {
      from: 'shop@example.com',
      to: 'delivered@sandbox.test',
      subject: 'HTML',
      html: '<h1>Grüße</h1><p>Bitte <a href="https://shop.example/x?y=1&amp;z=2">hier</a> lesen.</p>',
    },
  });
  const { text, html } = await parsed(await sandbox.bytes(`/v1/messages/${message_id}/raw`));
  expect(html).toContain('<h1>Grüße</h1>');
  expect(text?.toLowerCase()).toContain('grüße');
  expect(text).toContain('https://shop.example/x?y=1&z=2');
  expect(text).not.toContain('<');
});

describe('by SMTP', () => {
  /** What is on disk is what was sent: under our Received line, without what is documented to be taken out. */
  async function expectBytes(sandbox: Api, message_id: string, sent: Buffer): Promise<Buffer> {
    const raw = await sandbox.bytes(`/v1/messages/${message_id}/raw`);
    const head =
      /^Received: from [^\r\n]+\r\n\tby mail\.example\.com with E?SMTP\w* id (msg_\w+);\r\n\t[^\r\n]+\r\n/.exec(
        raw.toString('latin1'),
      );
    expect(head?.[1]).toBe(message_id);
    expect(raw.subarray(head?.[0].length).equals(sent)).toBe(true);
    return raw;
  }

  async function composed(options: Mail.Options): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      new MailComposer(options)
        .compile()
        .build((error, message) => (error === null ? resolve(message) : reject(error)));
    });
  }

  function idIn(response: string): string {
    const id = /queued as (msg_\w+)/.exec(response)?.[1];
    expect(id).toBeDefined();
    return id as string;
  }

  it('from nodemailer, as an application uses it', async () => {
    const { sandbox } = await kit.server.project();
    const transport = mailer(kit.server.smtp, sandbox.key ?? '');
    const info = (await transport.sendMail(MAIL)) as Sent;
    transport.close();
    const message_id = idIn(info.response);
    expectContent(await parsed(await sandbox.bytes(`/v1/messages/${message_id}/raw`)));
    await expectShown(sandbox, message_id);
    const { recipients, via } = await sandbox.message(message_id);
    expect(via).toBe('smtp');
    expect(recipients.map(({ address, role }) => [address, role])).toEqual([
      [ASCII.to, 'to'],
      [CC.address, 'cc'],
      ['delivered+hidden@sandbox.test', 'bcc'],
    ]);
  });

  it('from nodemailer, byte for byte', async () => {
    const { sandbox } = await kit.server.project();
    const sent = await composed({ ...MAIL, newline: '\r\n' });
    const transport = mailer(kit.server.smtp, sandbox.key ?? '');
    const info = (await transport.sendMail({ envelope: ENVELOPE, raw: sent })) as Sent;
    transport.close();
    const message_id = idIn(info.response);
    expectContent(await parsed(await expectBytes(sandbox, message_id, sent)));
  });

  it('to an internationalized mailbox with SMTPUTF8', async () => {
    const { sandbox } = await kit.server.project();
    const transport = mailer(kit.server.smtp, sandbox.key ?? '');
    const info = (await transport.sendMail({
      from: 'shop@example.com',
      to: 'пользователь@bücher.example',
      subject: SUBJECT,
      text: TEXT,
    })) as Sent;
    transport.close();
    const { recipients } = await sandbox.message(idIn(info.response));
    expect(recipients.map(({ address }) => address)).toEqual(['пользователь@bücher.example']);
    const mail = await parsed(await sandbox.bytes(`/v1/messages/${idIn(info.response)}/raw`));
    expect(mail.subject).toBe(SUBJECT);
    expect(normal(mail.text)).toBe(normal(TEXT));
  });

  it('8-bit and odd octets stay as they are; our own headers are taken out and used', async () => {
    const { sandbox } = await kit.server.project();
    const client = await signedIn(kit.server.smtp, sandbox.key ?? '');
    const before = 'From: shop@example.com\r\nX-Odd:  two  blanks \r\n\tand a fold\r\n';
    const after =
      'Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <odd@example.com>\r\nsubject: Hi\r\n\r\n' +
      '.leading dot\r\n..two\r\n\r\n';
    const octets = Buffer.from(
      Array.from({ length: 256 }, (_, index) => index).filter((o) => ![0, 10, 13].includes(o)),
    );
    const ours =
      'X-Postrider-Tag: order, urgent\r\nX-Postrider-Metadata: {"order":"7"}\r\n' +
      'x-postrider-campaign: autumn\r\nX-Postrider-Stream: bulk\r\nBcc: hidden@example.com\r\n';
    const end = Buffer.from('\r\nend\r\n');
    const stuffed = `${before}${ours}${after.replace(/^\./gm, '..')}`;
    const data = Buffer.concat([Buffer.from(stuffed), octets, end]);
    const message_id = await submit(client, 'shop@example.com', ['delivered@sandbox.test'], data);
    client.destroy();
    await expectBytes(sandbox, message_id, Buffer.concat([Buffer.from(before + after), octets, end]));
    expect(await sandbox.message(message_id)).toMatchObject({
      tags: ['order', 'urgent'],
      metadata: { order: '7' },
      campaign_id: 'autumn',
      stream: 'bulk',
      subject: 'Hi',
    });
  });

  const itWithSwaks = itNeeds('swaks', installed('swaks'));
  itWithSwaks('from swaks, with STARTTLS, byte for byte', async () => {
    const { sandbox } = await kit.server.project();
    const folder = await mkdtemp(join(tmpdir(), 'postrider-swaks-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, 'octets.bin'), BINARY);
    const envelope = `--from ${ASCII.from} --to ${ASCII.to}`.split(' ');
    const attached = '--attach-type application/octet-stream --attach-name octets.bin --attach'.split(' ');
    const headers = { From: `${encodedWord(FROM.name)} <${ASCII.from}>`, Subject: encodedWord('Grüße № 7') };
    const composed = await run('swaks', [
      ...envelope,
      ...attached,
      `@${join(folder, 'octets.bin')}`,
      ...Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`]),
      '--header',
      'X-Postrider-Tag: swaks',
      '--body',
      'Hello by swaks',
      '--dump-mail',
    ]);
    expect(composed.code).toBe(0);
    // The dump lacks its very last octet.
    const mail = composed.stdout.replace(/\r$/, '\r\n');
    await writeFile(join(folder, 'mail.eml'), mail);

    const { host, port } = kit.server.smtp;
    const login = `--auth PLAIN --auth-user apikey --auth-password ${sandbox.key ?? ''}`.split(' ');
    const door = ['--server', host, '--port', String(port), '--tls', ...login];
    const sent = await run('swaks', [...door, ...envelope, '--data', `@${join(folder, 'mail.eml')}`]);
    expect([sent.code, sent.stdout]).toEqual([0, expect.stringContaining('TLS started')]);
    const message_id = idIn(sent.stdout);
    // And swaks ends whatever it sends with an empty line.
    const octets = Buffer.from(`${mail.replace('X-Postrider-Tag: swaks\r\n', '')}\r\n`, 'latin1');
    const content = await parsed(await expectBytes(sandbox, message_id, octets));
    expect(content.subject).toBe('Grüße № 7');
    expect(content.from).toMatchObject({ name: FROM.name, address: ASCII.from });
    expect(Buffer.from(content.attachments[0]?.content as ArrayBuffer).equals(BINARY)).toBe(true);
    expect(content.text?.trim()).toBe('Hello by swaks');
    expect((await sandbox.message(message_id)).tags).toEqual(['swaks']);
  });
});

/** RFC 2047. */
function encodedWord(text: string): string {
  return `=?UTF-8?B?${Buffer.from(text).toString('base64')}?=`;
}
