import { readFileSync } from 'node:fs';
import type { Problem } from '@postrider/contract/errors';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_KEY, KNOWN, LIVE_KEY, READ_KEY, SANDBOX_KEY, SEND_KEY } from './test-kit/fake-services.ts';
import { openDoor, talk, type OpenDoor } from './test-kit/open-door.ts';

type Part = string | { hex: string } | { repeat: string; times: number };
interface Case {
  name: string;
  send: Part[];
  status: number;
  code: string;
  paths?: string[];
  allow?: string;
}

const { cases } = JSON.parse(
  readFileSync(new URL('../../../../vectors/http/requests.json', import.meta.url), 'utf8'),
) as { cases: Case[] };

const WORDS: Readonly<Record<string, string>> = {
  sandbox_key: SANDBOX_KEY,
  live_key: LIVE_KEY,
  read_key: READ_KEY,
  send_key: SEND_KEY,
  admin_key: ADMIN_KEY,
  message: KNOWN.message,
  endpoint: KNOWN.endpoint,
};

function bytesOf(part: Part): Buffer {
  if (typeof part === 'string')
    return Buffer.from(
      part.replace(/\{([a-z_]+)\}/g, (whole, word: string) => WORDS[word] ?? whole),
      'latin1',
    );
  if ('hex' in part) return Buffer.from(part.hex, 'hex');
  return Buffer.from(part.repeat.repeat(part.times), 'latin1');
}

describe('broken and hostile requests', () => {
  let open: OpenDoor;
  beforeAll(async () => {
    open = await openDoor({ body_bytes: 2 * 1024 * 1024 });
  });
  afterAll(() => open.door.close());
  afterEach(async () => {
    expect(open.services.calls, 'nothing was done').toEqual([]);
    expect(open.services.live.every((reader) => reader.closed)).toBe(true);
    expect(open.lines.filter((line) => line.level === 'error')).toEqual([]);
    const [health] = await talk(open.port, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(health?.status, 'the door still answers').toBe(200);
  });

  test('names differ', () => {
    expect(new Set(cases.map((one) => one.name)).size).toBe(cases.length);
    expect(cases.length).toBeGreaterThan(100);
  });

  test.each(cases)('$name', async ({ send, status, code, paths, allow }) => {
    const [answer] = await talk(open.port, send.map(bytesOf));
    expect(answer).toBeDefined();
    expect(answer?.headers['content-type']).toBe('application/problem+json');
    const problem = JSON.parse(answer?.body ?? '') as Problem;
    expect({ status: answer?.status, code: problem.code, detail: problem.detail }).toMatchObject({
      status,
      code,
    });
    expect(problem).toMatchObject({ status, type: `/docs/errors#${code}` });
    expect(problem.detail).not.toBe('');
    if (paths !== undefined) expect(problem.errors.map((error) => error.path)).toEqual(paths);
    if (allow !== undefined) expect(answer?.headers['allow']).toBe(allow);
    if (status === 401) expect(answer?.headers['www-authenticate']).toMatch(/^Bearer/);
  });
});
