/** What an endpoint receives verifies with the public libraries, and with the verifier that Sendarix prints. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import type { RotateSecretAnswer } from '@postrider/contract/schemas/endpoint';
import { verifySendarix, verifyStandard } from '@postrider/contract/verify';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { describe, expect, it } from 'vitest';
import type { Api } from '../kit/api.ts';
import { eventOf, type Hook, type Received } from '../kit/receiver.ts';
import { itNeeds } from '../kit/skip.ts';
import { started } from '../kit/started.ts';
import { waitFor } from '../kit/wait.ts';

const kit = started();

const TRICKY = { text: 'é ü 漢字 😀 \u2028 "quoted" </script>', deep: { list: [1, 2.5, null] } };

async function pushed(sandbox: Api, hook: Hook): Promise<Received> {
  const before = hook.requests.length;
  await sandbox.post('/v1/events', { event_type: 'custom.a', data: TRICKY });
  return (await hook.untilRequests(before + 1)).at(-1) as Received;
}

function headersOf(request: Received): Record<string, string> {
  return request.headers as Record<string, string>;
}

/** Which of the two libraries takes the request; they must agree. */
function verifies(secret: string, request: Received): boolean {
  const takes = (library: StandardWebhook | SvixWebhook): boolean => {
    try {
      library.verify(request.body.toString('utf8'), headersOf(request));
      return true;
    } catch (error) {
      expect((error as Error).name).toMatch(/Error$/);
      return false;
    }
  };
  const [standard, svix] = [takes(new StandardWebhook(secret)), takes(new SvixWebhook(secret))];
  expect(svix).toBe(standard);
  return standard;
}

describe('the postrider dialect', () => {
  it('verifies with standardwebhooks, svix and our own verifier, and not when a byte differs', async () => {
    const { sandbox } = await kit.server.project();
    const hook = kit.receiver.hook();
    const { secret } = await sandbox.createEndpoint({
      url: hook.url,
      event_types: ['custom.*'],
      headers: { 'X-Mine': 'yes' },
    });
    const request = await pushed(sandbox, hook);
    expect(request.method).toBe('POST');
    expect(request.headers).toMatchObject({
      'content-type': 'application/json',
      'x-mine': 'yes',
      'postrider-attempt': '1',
      'webhook-id': eventOf(request).event_id,
    });
    expect(eventOf(request).data).toEqual(TRICKY);
    expect(verifies(secret, request)).toBe(true);
    const ours = { body: request.body, headers: request.headers, secrets: [secret] };
    expect(await verifyStandard(ours)).toMatchObject({ ok: true, id: eventOf(request).event_id });

    const tampered = Buffer.from(request.body.toString('utf8').replace('2.5', '2.6'));
    expect(verifies(secret, { ...request, body: tampered })).toBe(false);
    expect(await verifyStandard({ ...ours, body: tampered })).toEqual({ ok: false, reason: 'no_match' });
    expect(verifies(`whsec_${Buffer.alloc(32, 7).toString('base64')}`, request)).toBe(false);
  });

  it('signs each attempt anew and keeps id and body', async () => {
    const { sandbox } = await kit.server.project();
    const hook = kit.receiver.hook((_request, number) => ({ status: number === 1 ? 500 : 200 }));
    const { secret } = await sandbox.createEndpoint({ url: hook.url, event_types: ['custom.*'] });
    await pushed(sandbox, hook);
    await sandbox.advance(40);
    const [first, second] = (await hook.untilRequests(2)) as [Received, Received];
    expect(second.body.equals(first.body)).toBe(true);
    expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
    expect([first, second].map((request) => request.headers['postrider-attempt'])).toEqual(['1', '2']);
    // Signature timestamps follow wall time: on the environment's clock both libraries would call it stale.
    expect([first, second].map((request) => verifies(secret, request))).toEqual([true, true]);
  });

  it('signs with both secrets during a rotation, and with the new one only after the overlap', async () => {
    const { sandbox } = await kit.server.project();
    const hook = kit.receiver.hook();
    const created = await sandbox.createEndpoint({ url: hook.url, event_types: ['custom.*'] });
    const rotate = (overlap_seconds: number): Promise<RotateSecretAnswer> =>
      sandbox.post(`/v1/endpoints/${created.endpoint_id}/rotate-secret`, { overlap_seconds });

    const during = await rotate(3_600);
    expect(during.secret).not.toBe(created.secret);
    const both = await pushed(sandbox, hook);
    expect([during.secret, created.secret].map((secret) => verifies(secret, both))).toEqual([true, true]);

    const atOnce = await rotate(0);
    const one = await pushed(sandbox, hook);
    expect([atOnce.secret, during.secret, created.secret].map((secret) => verifies(secret, one))).toEqual([
      true,
      false,
      false,
    ]);

    const short = await rotate(1);
    const overlapping = await pushed(sandbox, hook);
    expect([short.secret, atOnce.secret].map((secret) => verifies(secret, overlapping))).toEqual([
      true,
      true,
    ]);
    await waitFor('end of the overlap', async () => !verifies(atOnce.secret, await pushed(sandbox, hook)));
    expect(verifies(short.secret, hook.requests.at(-1) as Received)).toBe(true);
    const shown = await sandbox.get<{ secret: string }>(
      `/v1/endpoints/${created.endpoint_id}?show_secret=true`,
    );
    expect(shown.secret).toBe(short.secret);
  });
});

describe('the sendarix dialect', () => {
  async function endpoint(): Promise<{ sandbox: Api; hook: Hook; secret: string; endpoint_id: string }> {
    const { sandbox } = await kit.server.project();
    const hook = kit.receiver.hook();
    const { secret, endpoint_id } = await sandbox.createEndpoint({ url: hook.url, dialect: 'sendarix' });
    return { sandbox, hook, secret, endpoint_id };
  }

  it('has the six members of Sendarix and its headers, and verifies with ours', async () => {
    const { sandbox, hook, secret } = await endpoint();
    const { message_id } = await sandbox.send({});
    const [first] = await hook.untilRequests(2);
    expect(eventOf(first as Received)).toEqual({
      event_id: expect.stringMatching(/^evt_/),
      event_type: 'accepted',
      timestamp: expect.stringMatching(/Z$/),
      message_id,
      recipient: 'delivered@sandbox.test',
      data: { via: 'api', size: expect.any(Number) },
    });
    for (const { body, headers } of hook.requests)
      expect(await verifySendarix({ body, headers, secrets: [secret] })).toMatchObject({ ok: true });
  });

  it('signs with the old secret until the overlap ends: there is room for one', async () => {
    const { sandbox, hook, secret, endpoint_id } = await endpoint();
    const { secret: next } = await sandbox.post<RotateSecretAnswer>(
      `/v1/endpoints/${endpoint_id}/rotate-secret`,
      { overlap_seconds: 3_600 },
    );
    await sandbox.send({});
    for (const { body, headers } of await hook.untilRequests(2)) {
      expect(await verifySendarix({ body, headers, secrets: [secret] })).toMatchObject({ ok: true });
      expect(await verifySendarix({ body, headers, secrets: [next] })).toMatchObject({ ok: false });
    }
  });

  const SEEDS = fileURLToPath(new URL('../../../../../shared/seeds/', import.meta.url));
  const itWithPage = itNeeds(
    `the page with the sample verifier of Sendarix (${SEEDS}001…)`,
    existsSync(SEEDS),
  );

  itWithPage('verifies with the verifier that Sendarix prints, run as printed', async () => {
    const { sandbox, hook, secret } = await endpoint();
    await sandbox.send({ to: 'bounce@sandbox.test' });
    for (const request of await hook.untilRequests(2)) {
      expect(printedReceiver(SEEDS, secret, request)).toEqual({ status: 200, body: 'OK' });
      const tampered = { ...request, body: Buffer.concat([request.body, Buffer.from(' ')]) };
      expect(printedReceiver(SEEDS, secret, tampered)).toMatchObject({ status: 401 });
    }
  });
});

type Handler = (request: object, response: object) => void;

/** The receiver of the page: neither copied nor mended, only given an `app` to hang itself into. */
function printedReceiver(seeds: string, secret: string, request: Received): { status: number; body: string } {
  const page = readFileSync(`${seeds}${readdirSync(seeds).find((name) => name.startsWith('001'))}`, 'utf8');
  const start = page.indexOf('// Node.js signature verification example');
  const end = page.indexOf('\n});\n', start);
  expect(start).toBeGreaterThan(0);
  expect(end).toBeGreaterThan(start);
  let handler: Handler | null = null;
  runInNewContext(page.slice(start, end + 4), {
    require: createRequire(import.meta.url),
    process: { env: { WEBHOOK_SECRET: secret } },
    Buffer,
    app: { post: (_path: string, given: Handler) => void (handler = given) },
  });
  const answer = { status: 0, body: '' };
  const response = {
    status(code: number) {
      answer.status = code;
      return response;
    },
    send: (body: string) => void (answer.body = body),
  };
  (handler as Handler | null)?.({ headers: request.headers, rawBody: request.body }, response);
  return answer;
}
