import { createTransport } from 'nodemailer';
import { expect, test } from 'vitest';
import { GOOD_KEY, openDoor, plainResponse, RawClient } from './test-kit.ts';

test('a message goes in by hand and its octets arrive', async () => {
  const { port, submissions, close } = await openDoor();
  const client = await RawClient.connect(port);
  expect(await client.reply()).toEqual(['220 mail.example.com ESMTP Postrider']);
  client.send('EHLO client.example.org\r\n');
  expect(await client.reply()).toEqual([
    '250-mail.example.com greets client.example.org',
    '250-PIPELINING',
    '250-SIZE 1000000',
    '250-8BITMIME',
    '250-SMTPUTF8',
    '250-ENHANCEDSTATUSCODES',
    '250-LIMITS RCPTMAX=100',
    '250-STARTTLS',
    '250-AUTH PLAIN LOGIN',
    '250 HELP',
  ]);
  expect(await client.ask(`AUTH PLAIN ${plainResponse(GOOD_KEY)}`)).toMatch(/^235 2\.7\.0 /);
  expect(await client.ask('MAIL FROM:<a@example.com> SIZE=100 BODY=8BITMIME')).toMatch(/^250 2\.1\.0 /);
  expect(await client.ask('RCPT TO:<b@example.com>')).toMatch(/^250 2\.1\.5 /);
  expect(await client.ask('DATA')).toMatch(/^354 /);
  expect(await client.ask('From: a@example.com\r\n\r\n..one\r\n.two\r\n...\r\n.')).toBe(
    '250 2.0.0 queued as msg_1',
  );
  expect(await client.ask('QUIT')).toMatch(/^221 2\.0\.0 /);
  await client.closed();
  expect(submissions.mails).toMatchObject([
    {
      mail_from: 'a@example.com',
      recipients: ['b@example.com'],
      smtputf8: false,
      client: { protocol: 'ESMTPA' },
    },
  ]);
  expect(submissions.mails[0]?.raw.toString()).toBe('From: a@example.com\r\n\r\n.one\r\ntwo\r\n..\r\n');
  await close();
});

test('nodemailer sends over STARTTLS', async () => {
  const { port, submissions, close } = await openDoor({ plain_auth: 'never' });
  const transport = createTransport({
    host: '127.0.0.1',
    port,
    requireTLS: true,
    tls: { rejectUnauthorized: false },
    auth: { user: 'anybody', pass: GOOD_KEY },
  });
  const info = await transport.sendMail({
    from: 'Ä <a@example.com>',
    to: ['b@example.com', 'c@example.org'],
    subject: 'Grüße',
    text: '.\n..dots\n.end',
    attachments: [{ filename: 'x.bin', content: Buffer.from([0, 13, 10, 46, 13, 10]) }],
  });
  expect(info.response).toBe('250 2.0.0 queued as msg_1');
  expect(submissions.mails).toMatchObject([
    { recipients: ['b@example.com', 'c@example.org'], client: { protocol: 'ESMTPSA' } },
  ]);
  transport.close();
  await close();
});
