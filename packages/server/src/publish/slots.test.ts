import { expect, it } from 'vitest';
import { Slots } from './slots.ts';

it('keeps room for the other environments, and a limit for all of them', async () => {
  const slots = new Slots({ most: 3, mostOfOne: 2 });
  const { promise, resolve } = Promise.withResolvers<string>();
  const hold = (env: number) => slots.hold(env, 'things are under way', () => promise);
  const held = [hold(1), hold(1)];
  await expect(hold(1)).rejects.toMatchObject({
    code: 'too_many_requests',
    retryAfterSeconds: 1,
    message: expect.stringContaining('2 things are under way in this environment'),
  });
  held.push(hold(2));
  await expect(hold(2)).rejects.toThrow('3 things are under way; wait');
  resolve('done');
  expect(await Promise.all(held)).toEqual(['done', 'done', 'done']);
  await expect(slots.hold(1, '', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await Promise.all([hold(1), hold(1), hold(3)])).toHaveLength(3);
});
