/** The suppression list, edited by hand: who is on it is not mailed, and every change is an event. */

import { expect, it } from 'vitest';
import { started } from '../kit/started.ts';
import { mailer } from '../kit/smtp.ts';

const kit = started();

it('an address added by hand is dropped by both doors, whatever its case, until it is removed', async () => {
  const { sandbox } = await kit.server.project();
  const hook = kit.receiver.hook();
  await sandbox.createEndpoint({ url: hook.url, event_types: ['dropped', 'delivered', 'suppression.*'] });
  await sandbox.post('/v1/suppressions', { address: 'Ann@Example.NET' });
  const [added] = await hook.untilEvents(1);
  expect(added).toMatchObject({
    event_type: 'suppression.added',
    data: { address: 'ann@example.net', reason: 'manual' },
  });

  const { recipients } = await sandbox.send({ to: ['ANN@example.net', 'bob@example.net'] });
  expect(recipients).toEqual([
    { address: 'ANN@example.net', status: 'dropped', reason: 'suppressed' },
    { address: 'bob@example.net', status: 'accepted' },
  ]);
  const transport = mailer(kit.server.smtp, sandbox.key ?? '');
  await transport.sendMail({ from: 'shop@example.com', to: 'ann@example.net', subject: 'x', text: 'y' });
  transport.close();
  const events = (await hook.untilEvents(4)).slice(1);
  expect(events.map(({ event_type, recipient }) => `${event_type} ${recipient}`).toSorted()).toEqual([
    'delivered bob@example.net',
    'dropped ANN@example.net',
    'dropped ann@example.net',
  ]);

  await sandbox.ok('DELETE', '/v1/suppressions/aNN%40example.net');
  const removed = (await hook.untilEvents(5)).at(-1);
  expect(removed).toMatchObject({ event_type: 'suppression.removed', data: { address: 'ann@example.net' } });
  const again = await sandbox.send({ to: 'ann@example.net' });
  expect(again.recipients).toEqual([{ address: 'ann@example.net', status: 'accepted' }]);
  expect((await sandbox.call('GET', '/v1/suppressions/ann@example.net')).status).toBe(404);
});

it('an address that is on the list keeps its first reason, and one event tells of it', async () => {
  const { sandbox } = await kit.server.project();
  await sandbox.send({ to: 'complaint@sandbox.test' });
  await sandbox.advance(0);
  await sandbox.post('/v1/suppressions', { address: 'complaint@sandbox.test' });
  expect(await sandbox.suppressions()).toMatchObject([
    { address: 'complaint@sandbox.test', reason: 'complaint' },
  ]);
  expect(await sandbox.events('?event_type=suppression.added')).toHaveLength(1);
});

it('a table goes in and comes out', async () => {
  const { sandbox } = await kit.server.project();
  const rows = Array.from(
    { length: 1_200 },
    (_, n) => `r${n}@example.net,${n % 2 === 0 ? 'bounce' : 'manual'}`,
  );
  const table = `address,reason\r\n${rows.join('\r\n')}\r\n`;
  const imported = await sandbox.ok('POST', '/v1/suppressions/import', {
    raw: table,
    headers: { 'content-type': 'text/csv' },
  });
  expect(imported).toEqual({ imported: 1_200 });
  expect(await sandbox.suppressions()).toHaveLength(1_200);
  const exported = await sandbox.call('GET', '/v1/suppressions/export');
  const lines = exported.text.trim().split(/\r?\n/);
  expect(lines[0]).toBe('address,reason,event_id,created_at');
  expect(new Set(lines.slice(1).map((line) => line.split(',').slice(0, 2).join(',')))).toEqual(new Set(rows));
});

it('a table with one bad line is refused whole', async () => {
  const { sandbox } = await kit.server.project();
  const answer = await sandbox.call('POST', '/v1/suppressions/import', {
    raw: 'address,reason\na@example.net,manual\nnobody,manual\n',
    headers: { 'content-type': 'text/csv' },
  });
  expect(answer.status).toBe(422);
  expect(await sandbox.suppressions()).toEqual([]);
});

it('the lists of the two environments are apart', async () => {
  const { live, sandbox } = await kit.server.project();
  await live.post('/v1/suppressions', { address: 'ann@example.net' });
  expect(await sandbox.suppressions()).toEqual([]);
  const { recipients } = await sandbox.send({ to: 'ann@example.net' });
  expect(recipients).toEqual([{ address: 'ann@example.net', status: 'accepted' }]);
});
