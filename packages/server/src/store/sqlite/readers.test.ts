import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FIRST_PAGE, NO_MESSAGE_FILTER } from '../conformance/harness.ts';
import { DATABASE_FILE, migrate, openForWriting } from './database.ts';
import { Readers } from './readers.ts';

const MESSAGES = 100_000;
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'postrider-readers-'));
  const db: DatabaseSync = openForWriting(join(dir, DATABASE_FILE), 16);
  migrate(db);
  db.exec(`INSERT INTO message (message_id, env, via, sender, subject, stream, tags, metadata, size, created_at, options)
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${MESSAGES})
    SELECT 'msg_' || i, 1, 'api', 'a@x.test', 'hello', 'transactional', '["t1"]', '{}', 1, i, '{}' FROM n;
    INSERT INTO api_key (key_id, env, name, scopes, prefix, hash, created_at) VALUES ('key_1', 1, 'n', '[]', 'p', 'h', 1)`);
  db.close();
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const nowhere = { ...NO_MESSAGE_FILTER, q: 'nothing like this' };

it('answers for a key while a list looks through everything', async () => {
  const readers = await Readers.start({ path: join(dir, DATABASE_FILE), cacheMb: 8, limitMs: 60_000 });
  const order: string[] = [];
  await readers.query('listMessages', [1, NO_MESSAGE_FILTER, FIRST_PAGE]);
  const list = readers.query('listMessages', [1, nowhere, FIRST_PAGE]).then(() => order.push('list'));
  // A lane is read slice after slice, as far as a checkpoint reaches.
  const lane = readers.query('readLane', [1, 0, 1_000]).then(() => order.push('lane'));
  const key = readers.query('findApiKey', ['h']).then((found) => order.push(found?.key_id ?? 'none'));
  await Promise.all([list, lane, key]);
  expect(order).toEqual(['key_1', 'list', 'lane']);
  await readers.close();
});

it('gives a list up after its time, says what to do, and answers the next question', async () => {
  const readers = await Readers.start({ path: join(dir, DATABASE_FILE), cacheMb: 8, limitMs: 5 });
  await expect(readers.query('listMessages', [1, nowhere, FIRST_PAGE])).rejects.toMatchObject({
    code: 'overloaded',
    message: expect.stringMatching(/longer than 0.005 s.*narrow it/i),
  });
  const tagged = { ...NO_MESSAGE_FILTER, tag: 'none' };
  await expect(readers.query('listMessages', [1, tagged, FIRST_PAGE])).rejects.toMatchObject({
    code: 'overloaded',
  });
  const short = { ...nowhere, after: MESSAGES + 1 };
  const page = { limit: 5, cursor: null };
  expect((await readers.query('listMessages', [1, NO_MESSAGE_FILTER, page])).data).toHaveLength(5);
  await expect(readers.query('listMessages', [2, short, FIRST_PAGE])).resolves.toMatchObject({ data: [] });
  await readers.close();
});
