import { expect, test } from 'vitest';
import { Lifecycle, STOP_WITHIN_MS, type StopFailure } from './lifecycle.ts';

test('stops in reverse, one after the other', async () => {
  const lifecycle = new Lifecycle();
  const seen: string[] = [];
  for (const name of ['store', 'publisher', 'door'])
    lifecycle.add(name, async () => {
      seen.push(`${name} stops`);
      await Promise.resolve();
      seen.push(`${name} stopped`);
    });
  await lifecycle.stop();
  expect(seen).toEqual([
    'door stops',
    'door stopped',
    'publisher stops',
    'publisher stopped',
    'store stops',
    'store stopped',
  ]);
});

test('a part that fails or hangs does not keep the others from stopping', async () => {
  const failures: StopFailure[] = [];
  const lifecycle = new Lifecycle((failure) => failures.push(failure));
  const seen: string[] = [];
  lifecycle.add('first', async () => void seen.push('first'));
  lifecycle.add('hanging', () => new Promise(() => {}), 20);
  lifecycle.add('failing', () => Promise.reject(new Error('no')));
  lifecycle.add('throwing', () => {
    throw new Error('at once');
  });
  await lifecycle.stop();
  expect(seen).toEqual(['first']);
  expect(failures.map(({ name, error }) => `${name}: ${error.message}`)).toEqual([
    'throwing: at once',
    'failing: no',
    'hanging: hanging did not stop within 20 ms',
  ]);
});

test('stops once, however often it is asked', async () => {
  const lifecycle = new Lifecycle();
  let stops = 0;
  lifecycle.add('part', async () => void stops++);
  expect(lifecycle.stopping).toBe(false);
  const both = [lifecycle.stop(), lifecycle.stop()];
  expect(lifecycle.stopping).toBe(true);
  await Promise.all(both);
  await lifecycle.stop();
  expect(stops).toBe(1);
});

test('takes nothing more once it stops', async () => {
  const lifecycle = new Lifecycle();
  await lifecycle.stop();
  expect(() => lifecycle.add('late', async () => {})).toThrow('late was started while everything stops');
});

test('all parts together stay under what a supervisor waits', async () => {
  expect(STOP_WITHIN_MS).toBeLessThan(15_000);
  const lifecycle = new Lifecycle();
  lifecycle.add('store', async () => {}, STOP_WITHIN_MS - 1_000);
  lifecycle.add('door', async () => {}, 600);
  expect(() => lifecycle.add('other door', async () => {}, 600)).toThrow(
    'The parts may take 14200 ms to stop, of 14000: store 13000, door 600, other door 600',
  );
  await lifecycle.stop();
});
