import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDoor, type OpenDoor } from './test-kit/open-door.ts';
import { KNOWN, SANDBOX_KEY } from './test-kit/fake-services.ts';

let open: OpenDoor;
beforeAll(async () => {
  open = await openDoor();
});
afterAll(() => open.door.close());

test('smoke', async () => {
  const r = await fetch(`${open.url}/v1/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${SANDBOX_KEY}`, 'content-type': 'application/json' },
    body: '{"a":1}',
  });
  expect(r.status).toBe(202);
  expect(await r.json()).toEqual({ message_id: KNOWN.message, recipients: [] });
  const d = (await (await fetch(`${open.url}/openapi.json`)).json()) as { paths: object };
  console.log(Object.keys(d.paths), JSON.stringify(d).length);
  console.log(
    (await fetch(`${open.url}/docs/errors`)).status,
    (await fetch(`${open.url}/docs/`)).status,
    (await fetch(`${open.url}/docs`)).status,
  );
  const bad = await fetch(`${open.url}/v1/messages/${KNOWN.message}?x=1`, {
    headers: { 'x-api-key': SANDBOX_KEY },
  });
  console.log(bad.status, await bad.text());
});
