/**
 * Every broken and hostile request and dialogue of the vectors against a whole server: each gets its documented answer,
 * and afterwards the process is alive, its memory flat, the store untouched.
 */

import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Problem } from '@postrider/contract/errors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigOverrides } from '../../src/base/config.ts';
import { talk } from '../../src/http/test-kit/open-door.ts';
import { mail, type Api } from '../kit/api.ts';
import { ChildServer, dataFolder } from '../kit/child-server.ts';
import { dialogues, play, type Dialogue, type DialogueKeys } from '../kit/dialogue.ts';
import { itNeeds } from '../kit/skip.ts';
import { signedIn, submit } from '../kit/smtp.ts';
import { rowCounts } from '../kit/store-content.ts';
import { startTestServer } from '../kit/test-server.ts';
import { waitFor } from '../kit/wait.ts';

type Part = string | { hex: string } | { repeat: string; times: number };
interface BadRequest {
  name: string;
  send: Part[];
  status: number;
  code: string;
}

const { cases: requests } = JSON.parse(
  readFileSync(new URL('../../../../vectors/http/requests.json', import.meta.url), 'utf8'),
) as { cases: BadRequest[] };
const all = dialogues();
const plain = all.filter((one) => one.config === undefined);

let folder: Awaited<ReturnType<typeof dataFolder>>;
let server: ChildServer;
let words: Record<string, string>;
let keys: DialogueKeys;
let rows: Record<string, number>;
/** Messages that dialogues were documented to hand in. */
const queued: string[] = [];

beforeAll(async () => {
  folder = await dataFolder();
  // The limits that the vectors are written for.
  server = await ChildServer.start({
    ...folder,
    env: {
      POSTRIDER_HTTP_BODY_BYTES: String(2 * 1024 * 1024),
      POSTRIDER_LIMITS_JSON_DEPTH: '64',
      POSTRIDER_LIMITS_RECIPIENTS: '100',
      POSTRIDER_LIMITS_MESSAGE_BYTES: '1000000',
      POSTRIDER_SMTP_NAME: 'mail.example.com',
    },
  });
  const { live, sandbox } = await server.project();
  keys = await dialogueKeys(sandbox, server.keys.admin);
  const { message_id } = await sandbox.send({});
  const { endpoint_id } = await sandbox.createEndpoint({
    url: 'http://127.0.0.1:59999/',
    event_types: ['custom.none'],
  });
  await sandbox.advance(0);
  words = {
    sandbox_key: sandbox.key ?? '',
    live_key: live.key ?? '',
    read_key: (await sandbox.createKey('read', ['read'])).key,
    send_key: keys.good,
    admin_key: keys.admin,
    message: message_id,
    endpoint: endpoint_id,
  };
  rows = rowCounts(server.dir);
}, 60_000);

afterAll(async () => {
  await server.stop();
  await folder.remove();
});

async function dialogueKeys(sandbox: Api, admin: string): Promise<DialogueKeys> {
  const [good, read_only] = await Promise.all([
    sandbox.createKey('send', ['send']),
    sandbox.createKey('read only', ['read', 'manage']),
  ]);
  return { good: good.key, read_only: read_only.key, admin };
}

function bytesOf(part: Part): Buffer {
  if (typeof part === 'string')
    return Buffer.from(
      part.replace(/\{([a-z_]+)\}/g, (whole, word: string) => words[word] ?? whole),
      'latin1',
    );
  if ('hex' in part) return Buffer.from(part.hex, 'hex');
  return Buffer.from(part.repeat.repeat(part.times), 'latin1');
}

async function refused({ send, status, code }: BadRequest): Promise<void> {
  const [answer] = await talk(Number(new URL(server.http).port), send.map(bytesOf));
  expect(answer?.headers['content-type']).toBe('application/problem+json');
  const problem = JSON.parse(answer?.body ?? '') as Problem;
  expect([answer?.status, problem.status, problem.code, problem.detail]).toEqual([
    status,
    status,
    code,
    expect.any(String),
  ]);
}

async function expectUntouched(): Promise<void> {
  const { status } = await server.sandbox.call('GET', '/readyz');
  expect(status).toBe(200);
  if (queued.length > 0) return;
  expect(rowCounts(server.dir)).toEqual(rows);
}

describe('HTTP', () => {
  it.each(requests)('$name', refused);

  it('has a request of each kind, and the store is untouched', async () => {
    expect(requests.length).toBeGreaterThan(60);
    await expectUntouched();
  });
});

describe('SMTP', () => {
  const refusals = plain.filter((one) => one.mails === undefined);
  it.each(refusals)('$name', async (dialogue) => {
    expect(await play(server.smtp.port, dialogue, keys)).toEqual([]);
  });

  it('the store is untouched', async () => {
    expect(refusals.length).toBeGreaterThan(60);
    await expectUntouched();
  });

  it.each(plain.filter((one) => one.mails !== undefined))('$name', async (dialogue) => {
    queued.push(...(await play(server.smtp.port, dialogue, keys)));
  });

  it('what was answered with 250 is there, and nothing else', async () => {
    const client = await signedIn(server.smtp, keys.good);
    const octets = 'From: a@example.com\r\n\r\ngood\r\n';
    queued.push(await submit(client, 'a@example.com', ['ann@example.net'], octets));
    client.destroy();
    expect(rowCounts(server.dir)).toMatchObject({ message: (rows['message'] ?? 0) + queued.length });
  });
});

describe('SMTP with other settings', () => {
  const SMTP = ['plain_auth', 'idle_timeout_ms', 'max_bad_commands', 'data_timeout_ms'];
  const LIMITS = ['recipients', 'message_bytes'];
  const configured = all.filter((one) => one.config !== undefined);
  const settable = configured.filter((one) =>
    Object.keys(one.config ?? {}).every((name) => SMTP.includes(name) || LIMITS.includes(name)),
  );
  const groups = Map.groupBy(settable, (one) => JSON.stringify(one.config));

  it.each([...groups.keys()])('%s', async (config) => {
    const settings = Object.entries(JSON.parse(config) as object);
    const section = (names: string[]): object =>
      Object.fromEntries(settings.filter(([name]) => names.includes(name)));
    const overrides = { smtp: section(SMTP), limits: section(LIMITS) } as ConfigOverrides;
    const own = await startTestServer(overrides);
    try {
      const { sandbox } = await own.project();
      const ownKeys = await dialogueKeys(sandbox, own.keys.admin);
      const taken: string[] = [];
      for (const dialogue of groups.get(config) as Dialogue[])
        taken.push(...(await play(own.smtp.port, dialogue, ownKeys)));
      expect(
        (await sandbox.all<{ message_id: string }>('/v1/messages')).map((one) => one.message_id),
      ).toEqual(taken.toReversed());
    } finally {
      await own.stop();
    }
    expect(own.complaints.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('too much', () => {
  it('a body of 100 MB is refused by its length, before it comes', async () => {
    const head = `POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${words['send_key']}\r\nContent-Type: application/json\r\nContent-Length: 104857600\r\n\r\n`;
    const [answer] = await talk(Number(new URL(server.http).port), head);
    expect(JSON.parse(answer?.body ?? '')).toMatchObject({ status: 413, code: 'body_too_large' });
  });

  it('a body of 100 MB in chunks is cut off at the limit', async () => {
    const sent = await floodInChunks(words['send_key'] ?? '', 100);
    expect(sent.answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(sent.megabytes).toBeLessThan(100);
  });

  it('10,000 recipients are refused by name', async () => {
    const api = server.sandbox;
    const to = Array.from({ length: 10_000 }, (_, n) => `r${n}@sandbox.test`);
    const answer = await api.call<Problem>('POST', '/v1/messages', { json: mail({ to }) });
    expect(answer.status).toBe(422);
    expect(answer.body.code).toBe('validation_failed');
    expect(answer.body.errors).toEqual([
      { path: expect.stringMatching(/^\/(to)?$/), message: expect.stringContaining('limits.recipients') },
    ]);
    expect(answer.text.length).toBeLessThan(2_000);
  });
});

/** Writes chunk after chunk until the server answers or 100 are written; resolves to what it said. */
async function floodInChunks(key: string, most: number): Promise<{ answer: string; megabytes: number }> {
  const socket = connect(Number(new URL(server.http).port), '127.0.0.1');
  const heard = { text: '', ended: false };
  const isOver = (): boolean => heard.text !== '' || heard.ended;
  socket.on('data', (chunk: Buffer) => void (heard.text += chunk.toString('latin1')));
  socket.on('close', () => void (heard.ended = true));
  // The server may reset what still comes after its answer.
  socket.on('error', () => void (heard.ended = true));
  socket.write(
    `POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
  );
  const megabyte = Buffer.alloc(1024 * 1024, 'a');
  let megabytes = 0;
  for (; megabytes < most && !isOver(); megabytes++) {
    socket.write('100000\r\n');
    socket.write(megabyte);
    const flushed = new Promise((resolve) => socket.write('\r\n', resolve));
    await Promise.race([flushed, waitFor('an answer or an end', isOver)]);
  }
  await waitFor('an answer', isOver);
  socket.destroy();
  return { answer: heard.text, megabytes };
}

const itWithProc = itNeeds('/proc, which tells the memory of a process', process.platform === 'linux');
describe('afterwards', () => {
  itWithProc(
    'the memory is flat, however often it is repeated',
    async () => {
      const round = async (): Promise<void> => {
        for (const request of requests) await refused(request);
        for (const dialogue of plain)
          if (dialogue.mails === undefined) await play(server.smtp.port, dialogue, keys);
      };
      await round();
      const before = residentMb(server.pid);
      for (let again = 0; again < 3; again++) await round();
      expect(residentMb(server.pid) - before).toBeLessThan(48);
    },
    120_000,
  );

  it('the process is alive, logged no fault, and works as before', async () => {
    expect(server.output).not.toMatch(/"level":"(error|fatal)"|ERROR/);
    const { message_id } = await server.sandbox.send({});
    await server.sandbox.advance(0);
    expect((await server.sandbox.message(message_id)).recipients).toMatchObject([{ status: 'delivered' }]);
  });
});

/** Megabytes of a process's memory that are in RAM. */
function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}
