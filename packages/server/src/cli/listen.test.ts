import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PushedEnvelope } from '@postrider/contract/events';
import type { RunningServer } from '../main.ts';
import { command, folder, open, serverOn } from './test-kit.ts';

interface Got {
  headers: Record<string, string>;
  body: string;
}

const { dir, remove } = folder();
const here = ['--data-dir', dir];
const got: Got[] = [];
let status = 204;
const receiver = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => (body += chunk));
  request.on('end', () => {
    got.push({ headers: request.headers as Record<string, string>, body });
    response.writeHead(status).end();
  });
});
let server: RunningServer;
let url: string;

beforeAll(async () => {
  server = await serverOn(dir);
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
});
afterAll(async () => {
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
  await server.stop();
  remove();
});

describe('listen', () => {
  test('forwards each event once, signed with the secret it prints', async () => {
    got.length = 0;
    const session = open(['listen', ...here, '--forward-to', url]);
    await session.line('Ready');
    const secret = (await session.line('Signing secret: ')).slice('Signing secret: '.length);
    await command(['trigger', 'click', ...here]);
    await session.line('click ');
    await session.end();

    const wanted = ['accepted', 'delivered', 'open', 'click'];
    expect(got.map(({ body }) => (JSON.parse(body) as PushedEnvelope).event_type)).toEqual(wanted);
    const webhook = new Webhook(secret);
    for (const [index, { headers, body }] of got.entries()) {
      const event = webhook.verify(body, headers) as PushedEnvelope;
      expect(headers['webhook-id']).toBe(event.event_id);
      expect(event.seq).toBe(index + 1);
      expect(() => webhook.verify(body.replace('sandbox', 'sandbax'), headers)).toThrow(
        'No matching signature',
      );
    }
  });

  test('says how the receiver answered, and goes on', async () => {
    status = 500;
    const secret = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
    const flags = ['--event-types', 'accepted,delivered', '--secret', secret];
    const session = open(['listen', ...here, '--forward-to', url, ...flags]);
    await session.line('Ready');
    await command(['trigger', 'delivered', ...here]);
    expect(await session.line('accepted')).toContain('→ 500');
    expect(await session.line('delivered ')).toContain('→ 500');
    expect((await session.end()).code).toBe(0);
    status = 204;
  });

  test('says so when nobody receives', async () => {
    const session = open([
      'listen',
      ...here,
      '--forward-to',
      'http://127.0.0.1:1/',
      '--event-types',
      'accepted',
    ]);
    await session.line('Ready');
    await command(['send', ...here, '--to', 'a@sandbox.test']);
    expect(await session.line('accepted')).toContain('failed: ECONNREFUSED');
    await session.end();
  });

  test.each([
    [['--forward-to', 'http://'], '--forward-to'],
    [['--forward-to', 'http://x.example', '--secret', 'abc'], '--secret'],
    [['--forward-to', 'http://x.example', '--secret', 'whsec_'], '--secret'],
    [[], '--forward-to <url>'],
  ])('%j is used wrongly', async (flags, words) => {
    const done = await command(['listen', ...here, ...flags]);
    expect(done.code).toBe(2);
    expect(done.notes).toContain(words);
  });
});

test('after a restart of the server it goes on where it was: nothing is left out, nothing comes twice', async () => {
  got.length = 0;
  const port = new URL(server.http).port;
  const session = open(['listen', ...here, '--forward-to', url, '--event-types', 'accepted']);
  await session.line('Ready');
  await command(['send', ...here, '--to', 'one@sandbox.test']);
  await session.line('one@sandbox.test');

  await server.stop();
  await session.line('Disconnected');
  const { loadConfig } = await import('../base/config.ts');
  const { startServer } = await import('../main.ts');
  const { silentLogger } = await import('../base/logger.ts');
  const overrides = { data: { dir }, http: { port: Number(port) }, smtp: { port: 0 } };
  server = await startServer(loadConfig({ overrides }), silentLogger);
  // Before it has come back, as likely as not.
  await command(['send', ...here, '--to', 'two@sandbox.test']);
  await session.line('two@sandbox.test');
  await session.end();
  expect(got.map(({ body }) => (JSON.parse(body) as PushedEnvelope).recipient)).toEqual([
    'one@sandbox.test',
    'two@sandbox.test',
  ]);
});
