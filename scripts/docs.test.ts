/** The pages against the code, both ways: what is in one and not in the other fails. */

import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { STATUS_ORDER, stateOf } from '@postrider/contract/state';
import { variableName } from '../packages/server/src/base/config.ts';
import { Metrics } from '../packages/server/src/base/metrics.ts';
import { DELIVERY_TRANSITIONS } from '../packages/server/src/domain/delivery.ts';
import { ENDPOINT_TRANSITIONS } from '../packages/server/src/domain/endpoint.ts';
import { LANE_PHASES, LANE_TRANSITIONS } from '../packages/server/src/publish/lane-phase.ts';
import { ERRORS_PAGE, errorsPage } from './docs-errors.ts';

const ROOT = join(import.meta.dirname, '..');
const page = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const cells = (line: string): string[] =>
  line
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim());

/** Cells of the table whose first two headings are these. */
function rows(content: string, first: string, second: string): string[][] {
  const lines = content.split('\n');
  const start = lines.findIndex((line) => {
    const [one, two] = cells(line);
    return one === first && two === second;
  });
  expect(start, `the table ${first} | ${second}`).toBeGreaterThanOrEqual(0);
  const body = lines.slice(start + 2);
  const end = body.findIndex((line) => !line.startsWith('|'));
  return body.slice(0, end < 0 ? undefined : end).map(cells);
}

describe('docs/states.md', () => {
  const states = page('docs/states.md');

  const after = (heading: string): string => states.slice(states.indexOf(heading));
  const steps = (table: Readonly<Record<string, readonly string[]>>): string[] =>
    Object.entries(table).flatMap(([from, all]) => all.map((to) => `${from} → ${to}`));

  test.each([
    ['## A delivery', DELIVERY_TRANSITIONS],
    ['## An endpoint', ENDPOINT_TRANSITIONS],
  ])('has every transition under "%s", and no other', (heading, table) => {
    const written = rows(after(heading), 'from', 'to').map(([from, to]) => `${from} → ${to}`);
    expect(written.toSorted()).toEqual(steps(table).toSorted());
  });
  test('has every state of a lane and its transitions, and no other', () => {
    const lane = after('## A lane');
    expect(rows(lane, 'state', 'what it says').map(([state]) => state)).toEqual([...LANE_PHASES]);
    const written = rows(lane, 'out of', 'into').flatMap(([from = '', into = '']) =>
      into.split(', ').map((to) => `${from} → ${to}`),
    );
    expect(written.toSorted()).toEqual(steps(LANE_TRANSITIONS).toSorted());
  });
  test('has the statuses of a message in their order, terminal or not', () => {
    const written = rows(states, 'status', 'terminal').map(([status, terminal]) => [
      status,
      terminal === 'yes',
    ]);
    expect(written).toEqual(STATUS_ORDER.map((status, rank) => [status, stateOf(1 << rank)?.terminal]));
  });
});

test('docs/errors.md is what the catalogue says', () => {
  expect(readFileSync(ERRORS_PAGE, 'utf8')).toBe(errorsPage());
});

test('docs/operate.md has every metric, and no other', () => {
  const written = rows(page('docs/operate.md'), 'metric', 'what it says').map(([name = '']) =>
    name.replaceAll('`', ''),
  );
  const coded = new Metrics().registry.getMetricsAsArray().map(({ name }) => name);
  expect(written.toSorted()).toEqual(coded.filter((name) => name.startsWith('postrider_')).toSorted());
});

test('every package the product loads has its reason, and no other', () => {
  const written = rows(page('docs/decisions/0008-dependencies.md'), 'package', 'for').flatMap(
    ([names = '']) => names.split(', '),
  );
  const { dependencies } = JSON.parse(page('packages/server/package.json')) as { dependencies: object };
  const coded = Object.keys(dependencies).filter((name) => !name.startsWith('@postrider/'));
  expect(written.toSorted()).toEqual(coded.toSorted());
});

test('every variable a page names is a setting', () => {
  const others = [
    'POSTRIDER_CONFIG',
    'POSTRIDER_API_KEY',
    'POSTRIDER_URL',
    'POSTRIDER_PROFILE',
    'POSTRIDER_TEST_STRICT',
  ];
  const known = new Set([...others, ...settings().map(([section, name]) => variableName(section, name))]);
  for (const path of pages())
    for (const [name] of page(path).matchAll(/POSTRIDER_[A-Z][A-Z_]*[A-Z]/g))
      expect(known, `${name} in ${path}`).toContain(name);
});

test('every relative link leads somewhere', () => {
  const links = pages().flatMap((path) =>
    [...page(path).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, to]) => ({ path, to: to ?? '' })),
  );
  expect(links.length).toBeGreaterThan(5);
  expect(links.filter(({ path, to }) => !existsSync(join(ROOT, dirname(path), to)))).toEqual([]);
});

function pages(): string[] {
  return globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT });
}

function settings(): [string, string][] {
  const content = page('packages/server/config.default.toml');
  let section = '';
  return content.split('\n').flatMap((line): [string, string][] => {
    section = /^\[(\w+)\]/.exec(line)?.[1] ?? section;
    const name = /^(\w+) = /.exec(line)?.[1];
    return name === undefined || section === '' ? [] : [[section, name]];
  });
}
