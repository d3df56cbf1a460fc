import { expect, test } from 'vitest';
import { invalid } from './errors.ts';

test('a refusal says where and what, and how much more there is', () => {
  expect(invalid([{ path: '/to', message: 'is missing' }]).message).toBe('/to: is missing');
  const errors = [
    { path: '', message: 'must be an object' },
    { path: '/a', message: 'is unknown' },
  ];
  expect(invalid(errors).message).toBe('The body must be an object (and 1 more)');
});
