/** `docs/dialects.md` and `docs/filters.md` against the code. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DIALECTS } from '../packages/contract/src/dialects/dialects.ts';
import { DIALECT_NAMES, type DialectName } from '../packages/contract/src/dialects/names.ts';
import { MAIL_EVENT_TYPES } from '../packages/contract/src/events.ts';
import { compileFilter } from '../packages/server/src/domain/filter.ts';
import {
  MAX_FILTER_DEPTH,
  MAX_FILTER_NODES,
  MAX_FILTER_STEPS,
} from '../packages/server/src/domain/filter-reading.ts';

const page = (name: string): string =>
  readFileSync(join(import.meta.dirname, '..', 'docs', `${name}.md`), 'utf8');

/** Cells of the rows of the table with this heading in its first column, the heading first, without code marks. */
function table(content: string, first: string): string[][] {
  const lines = content.split('\n');
  const start = lines.findIndex((line) => new RegExp(`^\\| ${first} +\\|`).test(line));
  expect(start, `a table of ${first}`).toBeGreaterThanOrEqual(0);
  const after = lines.slice(start);
  const end = after.findIndex((line) => !line.startsWith('|'));
  const cells = (line: string): string[] =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', ''));
  return after
    .slice(0, end)
    .filter((line) => !/^[| :-]+$/.test(line))
    .map(cells);
}

const SAMPLE = {
  event_id: 'evt_1',
  timestamp: '2026-04-19T14:32:01.123Z',
  message_id: null,
  recipient: null,
};

/** The name of a type in a body of this dialect. */
function nameIn(dialect: DialectName, type: string): string {
  const { event_id, ...rest } = SAMPLE;
  const envelope = {
    event_id,
    event_type: type,
    ...rest,
    data: {},
    environment: 'live',
    tags: [],
    metadata: {},
    campaign_id: null,
    state: null,
  };
  const body = JSON.parse(DIALECTS[dialect].body(JSON.stringify(envelope), 1)) as Record<string, string>;
  return body['type'] ?? body['event_type'] ?? body['event'] ?? '';
}

test('docs/dialects.md has the names of all mail events as the dialects write them', () => {
  const [heading = [], ...rows] = table(page('dialects'), 'ours');
  const columns = heading.slice(1) as DialectName[];
  expect(columns).toEqual(['sendarix', 'sentinmail', 'sendook', 'cloudevents']);
  const written = rows.filter(([type = '']) => (MAIL_EVENT_TYPES as readonly string[]).includes(type));
  expect(written.map(([type]) => type)).toEqual(MAIL_EVENT_TYPES);
  for (const [type = '', ...names] of written) {
    const coded = columns.map((dialect) => {
      const { types, open } = DIALECTS[dialect];
      if (types === null || types.has(type)) return nameIn(dialect, type);
      return open ? `(${nameIn(dialect, type)})` : '–';
    });
    expect([type, ...names]).toEqual([type, ...coded]);
  }
});

test('docs/dialects.md has every dialect with its content type and whether it has batches', () => {
  const rows = table(page('dialects'), 'dialect').filter(([name = '']) =>
    (DIALECT_NAMES as readonly string[]).includes(name),
  );
  const written = rows.map(([name, , type, batches]) => [name, type, batches]);
  const coded = DIALECT_NAMES.map((name) => {
    const { contentType, batchContentType } = DIALECTS[name];
    return [name, contentType.split(';')[0], batchContentType === null ? 'no' : 'yes'];
  });
  expect(new Set(written)).toEqual(new Set(coded));
});

test('docs/filters.md has every operator and the limits', () => {
  const content = page('filters');
  const written = table(content, 'operator').flatMap(([names = '']) => names.match(/\$[a-zA-Z]+/g) ?? []);
  const known = compileFilter({ $unknown: 1 }).problems[0]?.message.match(/\$[a-zA-Z]+/g) ?? [];
  expect(known.length).toBeGreaterThan(10);
  expect(written.toSorted()).toEqual([...known].toSorted());
  for (const limit of [
    `${MAX_FILTER_DEPTH} levels`,
    `${MAX_FILTER_NODES} conditions`,
    `${MAX_FILTER_STEPS.toLocaleString('en')} elements`,
  ])
    expect(content).toContain(limit);
});
