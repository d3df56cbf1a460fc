import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { checkpointDigest, checkpointText } from './checkpoint.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

it('writes each id on a line of its own, so that runs can be put together', () => {
  expect(checkpointText([])).toBe('');
  expect(checkpointText(['evt_a', 'evt_b'])).toBe('evt_a\nevt_b\n');
  expect(checkpointText(['a']) + checkpointText(['b', 'c'])).toBe(checkpointText(['a', 'b', 'c']));
});

it('is what sha256sum makes of the lines', () => {
  // printf 'evt_a\nevt_b\n' | sha256sum
  expect(checkpointDigest(['evt_a', 'evt_b'], sha256)).toBe(
    '2bd7c8011a934bb87c14698de6cb40b811deec6b557b98274b16f7c1bbd1327a',
  );
  expect(checkpointDigest(['evt_b', 'evt_a'], sha256)).not.toBe(checkpointDigest(['evt_a', 'evt_b'], sha256));
});
