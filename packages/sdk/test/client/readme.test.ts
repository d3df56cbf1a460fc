/** The page that customers read: its samples are run, in order, as one program; its tables agree with the client. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as sdk from '@postrider/sdk';
import { expect, it } from 'vitest';
import { started } from '../../../server/test/kit/started.ts';

const README = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
const parts = started();

const AsyncFunction = (async () => {}).constructor as new (
  ...code: string[]
) => (...values: unknown[]) => Promise<void>;

/** The samples as the body of a function: what they import is handed in. */
function program(): { code: string; imported: string[] } {
  const samples = [...README.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code ?? '');
  const imported = new Set<string>();
  const code = samples
    .join('\n')
    .replace(/^import \{ (.*) \} from '@postrider\/sdk';$/gm, (_, names: string) => {
      for (const name of names.split(', ')) imported.add(name);
      return '';
    });
  expect(samples.length).toBeGreaterThan(5);
  expect(code).not.toMatch(/^import/m);
  return { code, imported: [...imported] };
}

it('its samples do what the page says', async () => {
  const { sandbox } = await parts.server.project();
  const { code, imported } = program();
  const exported = sdk as Record<string, unknown>;
  const values = imported.map((name) => exported[name]);
  expect(values).not.toContain(undefined);
  const lines: string[] = [];
  const print = (...words: string[]): void => void lines.push(words.join(' '));
  const process = { env: { POSTRIDER_KEY: sandbox.key } };
  const local = code.replaceAll('http://127.0.0.1:7300', parts.server.http);
  await new AsyncFunction(...imported, 'process', 'console', local)(...values, process, { log: print });
  const [sent, ...rest] = lines;
  expect(sent).toMatch(/^sent msg_/);
  expect(rest).toContain('event accepted delivered@sandbox.test');
  expect(rest.filter((line) => line.startsWith('live'))).toEqual(['live custom.order.shipped']);
  expect(rest).toEqual(
    expect.arrayContaining(['nothing missed', 'refused validation_failed /to', 'one message: true']),
  );
  expect(rest.join('\n')).toContain('ann@example.com,unsubscribe,');
});

it('its table has every method of the client, and no other', () => {
  const client = sdk.createClient({ url: 'http://client.test', apiKey: 'pr_test_x' });
  const methods = Object.entries(client).flatMap(([resource, object]) =>
    Object.getOwnPropertyNames(Object.getPrototypeOf(object))
      .filter((name) => name !== 'constructor')
      .map((name) => `${resource}.${name}`),
  );
  const told = Object.keys(client).flatMap((resource) => {
    const row = README.split('\n').find((line) => line.startsWith(`| \`${resource}\``)) ?? '';
    const [, ...names] = [...row.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    return names.map((name) => `${resource}.${name}`);
  });
  expect(told.sort()).toEqual(methods.sort());
});
