import { expect, it } from 'vitest';
import type { CommitNotice } from '../../store/ports.ts';
import { splitNotice } from './shard-notice.ts';

const QUIET: CommitNotice = {
  events: [],
  lanes: [],
  released: [],
  waiting: [],
  urgent: [],
  dropped: [],
  endpoints: [],
  logs: [],
  outgoing: [],
};

it('tells each thread of its own lanes alone', () => {
  const parts = splitNotice({ ...QUIET, waiting: [2], dropped: [3, 4, 6] }, 3);
  expect(parts).toEqual([
    { ...QUIET, dropped: [3, 6] },
    { ...QUIET, dropped: [4] },
    { ...QUIET, waiting: [2] },
  ]);
  expect(splitNotice({ ...QUIET, dropped: [4] }, 3)).toEqual([null, { ...QUIET, dropped: [4] }, null]);
});
