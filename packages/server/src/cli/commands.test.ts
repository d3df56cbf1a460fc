/** The commands that talk to a running server. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EventEnvelope } from '@postrider/contract/events';
import type { RunningServer } from '../main.ts';
import { command, folder, open, serverOn } from './test-kit.ts';

const { dir, remove } = folder();
const here = ['--data-dir', dir];
let server: RunningServer;
beforeAll(async () => {
  server = await serverOn(dir);
});
afterAll(async () => {
  await server.stop();
  remove();
});

const events = (out: string): EventEnvelope[] =>
  out.split('\n').map((line) => JSON.parse(line) as EventEnvelope);

describe('send', () => {
  test('sends what the flags say', async () => {
    const sent = await command([
      'send',
      ...here,
      '--to',
      'a@sandbox.test',
      '--to',
      'b@sandbox.test',
      '--json',
    ]);
    expect(sent.code).toBe(0);
    const { message_id, recipients } = JSON.parse(sent.out) as { message_id: string; recipients: object[] };
    expect(message_id).toMatch(/^msg_/);
    expect(recipients).toEqual([
      { address: 'a@sandbox.test', status: 'accepted' },
      { address: 'b@sandbox.test', status: 'accepted' },
    ]);
  });
  test('passes on the words of a refusal, the field and the remedy', async () => {
    const refused = await command(['send', ...here, '--to', 'no address']);
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.notes).toContain('validation_failed');
    expect(refused.notes).toContain('/to/0');
  });
  test('the live environment says that it cannot carry mail', async () => {
    const refused = await command(['send', ...here, '--live', '--to', 'a@example.com']);
    expect(refused.code).toBe(1);
    expect(refused.notes).toContain('no_transport');
  });
  test('without anybody to send to, it is used wrongly', async () => {
    expect((await command(['send', ...here])).code).toBe(2);
  });
});

describe('trigger', () => {
  test.each([
    ['accepted', ['accepted']],
    ['delivered', ['accepted', 'delivered']],
    ['deferred', ['accepted', 'deferred']],
    ['bounce', ['accepted', 'bounce']],
    ['complaint', ['accepted', 'delivered', 'complaint']],
    ['unsubscribe', ['accepted', 'delivered', 'unsubscribe']],
    ['open', ['accepted', 'delivered', 'open']],
    ['click', ['accepted', 'delivered', 'open', 'click']],
    ['dropped', ['dropped']],
    ['suppression.added', ['suppression.added']],
    ['suppression.removed', ['suppression.added', 'suppression.removed']],
    ['custom.order_paid', ['custom.order_paid']],
  ])('%s happens', async (type, story) => {
    const done = await command(['trigger', type, ...here, '--json']);
    expect(done.notes).toBe('');
    expect(done.code).toBe(0);
    // What comes after the wanted event may or may not have come yet.
    expect(
      events(done.out)
        .map((event) => event.event_type)
        .slice(0, story.length),
    ).toEqual(story);
  });
  test('passes data and recipient of a custom event', async () => {
    const flags = ['--data', '{"order":42}', '--recipient', 'ann@example.com', '--json'];
    const done = await command(['trigger', 'custom.order_paid', ...here, ...flags]);
    expect(events(done.out)).toMatchObject([{ data: { order: 42 }, recipient: 'ann@example.com' }]);
  });
  test.each([
    [['trigger', 'received'], 'cannot be triggered'],
    [['trigger', 'custom.x', '--data', '{'], 'no JSON'],
    [['trigger', 'bounce', '--live'], 'in the sandbox only'],
    [['trigger', 'bounce', '--timeout', 'soon'], '--timeout must be'],
    [['trigger'], "missing required argument 'event'"],
  ])('%j is used wrongly', async (args, words) => {
    const done = await command([...args, ...here]);
    expect(done.code).toBe(2);
    expect(done.notes).toContain(words);
  });
});

describe('tail', () => {
  test('shows events as they happen, only those asked for, and ends quietly', async () => {
    const session = open(['tail', ...here, '--event-types', 'bounce', '--json']);
    await session.line('following');
    await command(['trigger', 'bounce', ...here]);
    const line = await session.line('"event_type":"bounce"');
    expect(JSON.parse(line)).toMatchObject({ event_type: 'bounce', environment: 'sandbox' });
    const { code, out } = await session.end();
    expect(code).toBe(0);
    expect(out.split('\n')).toHaveLength(1);
  });
  test('begins after an event that is named, with nothing left out', async () => {
    const made = events((await command(['trigger', 'click', ...here, '--json'])).out);
    const [first] = made;
    const session = open(['tail', ...here, '--json', '--after', first?.event_id ?? '']);
    await session.line('"event_type":"click"');
    const { out } = await session.end();
    const shown = events(out).filter((event) => event.message_id === first?.message_id);
    expect(shown.map((event) => event.event_type)).toEqual(['delivered', 'open', 'click']);
  });
  test('ends at once when the key is refused', async () => {
    const done = await command(['tail', '--url', server.http, '--api-key', 'pr_test_wrong']);
    expect(done.code).toBe(1);
    expect(done.notes).toContain('unauthorized');
  });
});

describe('projects and keys, through the server', () => {
  test('a project is made with a key for each environment, and listed', async () => {
    const made = JSON.parse((await command(['projects', 'create', 'shop', ...here, '--json'])).out) as {
      project_id: string;
      keys: { live: string; sandbox: string };
    };
    expect(made.keys.live).toMatch(/^pr_live_/);
    const sent = await command([
      'send',
      '--url',
      server.http,
      '--api-key',
      made.keys.sandbox,
      '--to',
      'a@sandbox.test',
    ]);
    expect(sent.code).toBe(0);
    expect((await command(['projects', 'list', ...here])).out).toContain(made.project_id);
    const again = await command(['projects', 'create', 'shop', ...here]);
    expect(again.code).toBe(1);
    expect(again.notes).toContain('conflict');
  });
  test('a key is made, opens what its scopes say, is listed without itself, and is revoked', async () => {
    const flags = ['--name', 'reader', '--scopes', 'read', '--json'];
    const made = JSON.parse((await command(['keys', 'create', ...here, ...flags])).out) as {
      key_id: string;
      key: string;
    };
    const as = ['--url', server.http, '--api-key', made.key];
    expect((await command(['send', ...as, '--to', 'a@sandbox.test'])).notes).toContain('insufficient_scope');
    const listed = (await command(['keys', 'list', ...here])).out;
    expect(listed).toContain(made.key_id);
    expect(listed).not.toContain(made.key);
    expect((await command(['keys', 'revoke', made.key_id, ...here])).code).toBe(0);
    expect((await command(['tail', ...as])).notes).toContain('unauthorized');
  });
  test('the folder itself is refused while the server runs', async () => {
    const flags = ['--project', 'default', '--environment', 'live', '--name', 'x'];
    const done = await command(['keys', 'create', ...here, ...flags]);
    expect(done.code).toBe(1);
    expect(done.notes).toContain('uses the data folder');
  });
});

describe('which server, which key', () => {
  const keys = () =>
    (JSON.parse(readFileSync(join(dir, 'first-run.json'), 'utf8')) as { keys: { sandbox: string } }).keys;

  test('from the environment', async () => {
    const env = { POSTRIDER_URL: `${server.http}/`, POSTRIDER_API_KEY: keys().sandbox };
    expect((await command(['send', '--to', 'a@sandbox.test'], env)).code).toBe(0);
    expect((await command(['send', '--to', 'a@sandbox.test'], { POSTRIDER_DATA_DIR: dir })).code).toBe(0);
  });
  test('a key found in a file never goes to another server', async () => {
    const done = await command(['send', ...here, '--url', 'http://127.0.0.1:9', '--to', 'a@sandbox.test']);
    expect(done.code).toBe(2);
    expect(done.notes).toContain('There is no key for http://127.0.0.1:9');
  });
  test('no key at all', async () => {
    const done = await command(['tail', '--data-dir', join(dir, 'none')]);
    expect(done).toMatchObject({ code: 2, out: '' });
    expect(done.notes).toContain('--api-key');
  });
  test('no URL', async () => {
    expect((await command(['tail', '--url', 'localhost', '--api-key', 'x'])).code).toBe(2);
  });
});

test('doctor finds everything well, and says what it looked at', async () => {
  const done = await command(['doctor', ...here, '--json']);
  const findings = JSON.parse(done.out) as { name: string; verdict: string; detail: string }[];
  // The disk of whoever runs this may be nearly full: that is a warning, not our concern.
  const notOk = findings.filter(({ name, verdict }) => verdict !== 'ok' && name !== 'disk');
  expect(notOk).toEqual([]);
  expect(findings.map(({ name }) => name)).toEqual([
    'settings',
    'node',
    'data folder',
    'secret files',
    'disk',
    'database',
    'master key',
    'clock',
    'ports',
    'server',
  ]);
});

describe('bench', () => {
  test('sends events, waits for all of them, says how fast, and leaves no endpoint', async () => {
    const done = await command(['bench', ...here, '--events', '300', '--batch', '20']);
    expect(done.code).toBe(0);
    expect(done.out).toMatch(/webhooks delivered per second +\d+/);
    expect(done.out).toMatch(/arrived more than once +0/);
    const { keys, http } = JSON.parse(readFileSync(join(dir, 'first-run.json'), 'utf8')) as {
      keys: { sandbox: string };
      http: string;
    };
    const answer = await fetch(`${http}/v1/endpoints`, {
      headers: { authorization: `Bearer ${keys.sandbox}` },
    });
    const { data } = (await answer.json()) as { data: { description: string }[] };
    expect(data.filter(({ description }) => description === 'postrider bench')).toEqual([]);
  });
  test('offers at a rate', async () => {
    const begun = performance.now();
    const done = await command(['bench', ...here, '--events', '100', '--batch', '1', '--rate', '100']);
    expect(done.code).toBe(0);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(980);
  });
  test('refuses numbers that are none', async () => {
    const refused = await command(['bench', ...here, '--events', 'many']);
    expect(refused).toMatchObject({ code: 2, out: '' });
    expect(refused.notes).toContain('--events');
  });
});
