/**
 * Little memory and large messages: both doors say so and ask for patience, what was accepted stays, the process stays,
 * and it goes on by itself once the load is gone.
 */

import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import type { MessageAccepted } from '@postrider/contract/schemas/message';
import { mail, type Answer, type Api } from '../kit/api.ts';
import { ChildServer, dataFolder } from '../kit/child-server.ts';
import { itNeeds } from '../kit/skip.ts';
import { signedIn } from '../kit/smtp.ts';
import { waitFor } from '../kit/wait.ts';

const MB = 2 ** 20;
/** What the server may hold beyond what it holds when it has nothing to do. */
const HEADROOM = 300 * MB;
const CLIENTS = 24;
const LARGE = 'x'.repeat(6 * MB);

const itOnLinux = itNeeds('/proc', process.platform === 'linux');
const folder = await dataFolder();
const servers: ChildServer[] = [];

afterAll(async () => {
  for (const server of servers) await server.kill();
  await folder.remove();
});

async function started(env: Record<string, string> = {}): Promise<ChildServer> {
  const server = await ChildServer.start({ dir: folder.dir, env });
  servers.push(server);
  return server;
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** Clients that send large messages, one after another, until they are told to stop. */
class Load {
  readonly accepted: string[] = [];
  readonly unexpected: Answer[] = [];
  #refused = 0;
  #stopped = false;
  readonly #clients: Promise<void>[];

  constructor(api: Api) {
    this.#clients = Array.from({ length: CLIENTS }, () => this.#client(api));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    expect(this.#refused).toBeGreaterThan(0);
    expect(this.unexpected).toEqual([]);
  }

  async #client(api: Api): Promise<void> {
    while (!this.#stopped) {
      // A client that is still writing when the answer to the head comes may only see the connection close.
      const answer = await api
        .call('POST', '/v1/messages', { json: mail({ text: LARGE }) })
        .catch(() => null);
      if (answer === null || answer.status === 503) this.#refused++;
      else if (answer.status === 202) this.accepted.push((answer.body as MessageAccepted).message_id);
      else this.unexpected.push(answer);
    }
  }
}

/** The reply to MAIL on a connection of its own. */
async function mailFrom(server: ChildServer, api: Api): Promise<string> {
  const client = await signedIn(server.smtp, api.key ?? '');
  const reply = await client.ask('MAIL FROM:<shop@example.com>');
  client.destroy();
  return reply;
}

const readiness = (api: Api): Promise<Answer> => api.call('GET', '/readyz');

describe('memory pressure', () => {
  it('closes both doors for what is new, and says why; reading goes on', async () => {
    const server = await started({ POSTRIDER_LIMITS_MEMORY_BYTES: String(MB) });
    const api = server.sandbox;
    // The first is refused where it would be committed, the second by its head.
    for (const octets of [10, 100_000]) {
      const answer = await api.call<{ code: string; detail: string }>('POST', '/v1/messages', {
        json: mail({ text: 'x'.repeat(octets) }),
      });
      expect(answer).toMatchObject({ status: 503, body: { code: 'overloaded' } });
      expect(answer.body.detail).toContain(`limits.memory_bytes allows ${MB}`);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(await mailFrom(server, api)).toMatch(/^452 4\.3\.1 /);
    expect(await readiness(api)).toMatchObject({
      status: 503,
      text: expect.stringContaining('limits.memory_bytes'),
    });
    expect((await api.call('GET', '/metrics')).text).toContain('postrider_refusing_for_memory 1');
    expect(await api.all('/v1/messages')).toEqual([]);
    await server.stop();
  });

  itOnLinux(
    'goes with the load, and what was accepted stays',
    async () => {
      const idle = await started();
      const limit = residentBytes(idle.pid) + HEADROOM;
      await idle.stop();
      const server = await started({
        POSTRIDER_LIMITS_MEMORY_BYTES: String(limit),
        // The bound on bodies would keep memory far below the limit.
        POSTRIDER_HTTP_BODIES_BYTES: String(1024 * MB),
      });
      const api = server.sandbox;
      const load = new Load(api);
      await waitFor('refusal for memory', () => /limits\.memory_bytes/.test(server.output), 30_000);
      await load.stop();
      await waitFor('recovery', async () => (await readiness(api)).status === 200, 60_000);
      const { message_id } = await api.send({ text: LARGE });
      expect(await mailFrom(server, api)).toMatch(/^250 /);
      for (const id of [...load.accepted, message_id]) expect((await api.message(id)).message_id).toBe(id);
    },
    120_000,
  );
});
