/** The code against ARCHITECTURE.md; and the rule itself against trees that break it, so that it is known to see. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { settingNames } from '../packages/server/src/base/config.ts';
import {
  adapterImports,
  againstRank,
  barrels,
  circles,
  CONTRACT,
  contractImports,
  importsOf,
  isTest,
  readRanks,
  SERVER,
  testImports,
  undeclared,
  unranked,
  type Tree,
} from './architecture.ts';

const ROOT = join(import.meta.dirname, '..');

function treeOf(...folders: string[]): Tree {
  const tree = new Map<string, string>();
  for (const folder of folders)
    for (const name of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })) {
      const path = `${folder}${name.replaceAll('\\', '/')}`;
      if (path.endsWith('.ts')) tree.set(path, readFileSync(join(ROOT, path), 'utf8'));
    }
  return tree;
}

const allImports = (tree: Tree) => [...tree].flatMap(([path, content]) => importsOf(path, content));

describe('the code keeps the import rule', () => {
  const tree = treeOf(SERVER, CONTRACT);
  const imports = allImports(tree);
  const ranks = readRanks(readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8'));

  test('there is code to look at', () => {
    expect(tree.size).toBeGreaterThan(50);
    expect(imports.length).toBeGreaterThan(200);
  });
  test('the rank table has every folder, and no other', () => expect(unranked(tree, ranks)).toEqual([]));
  test('imports go to a smaller rank only', () => expect(againstRank(imports, ranks)).toEqual([]));
  test('only main.ts and tests import an adapter', () => expect(adapterImports(imports)).toEqual([]));
  test('nothing imports in circles', () => expect(circles(imports)).toEqual([]));
  test('there are no barrel files', () => expect(barrels(tree)).toEqual([]));
  test('the contract has no dependencies', () => {
    expect(contractImports(imports)).toEqual([]);
    const manifest = JSON.parse(readFileSync(join(ROOT, 'packages/contract/package.json'), 'utf8')) as object;
    expect(Object.keys(manifest).filter((name) => /dependencies/i.test(name))).toEqual([]);
  });
  test('the product imports nothing that is there for tests', () => expect(testImports(imports)).toEqual([]));
  test('the server declares the packages it imports, with exact versions', () => {
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'packages/server/package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    expect(undeclared(imports, Object.keys(dependencies))).toEqual([]);
    expect(Object.values(dependencies).filter((version) => !/^\d+\.\d+\.\d+/.test(version))).toEqual([]);
  });
  test('every setting is used', () => {
    const code = [...tree].filter(([path]) => !isTest(path) && path !== `${SERVER}base/config.ts`);
    const text = code.map(([, content]) => content).join('\n');
    const unused = settingNames().filter((name) => !new RegExp(`\\b${name.split('.').at(-1)}\\b`).test(text));
    expect(unused).toEqual([]);
  });
});

describe('the rule sees what breaks it', () => {
  const ranks = readRanks(
    '| rank | folder |\n|---|---|\n| 4 | `http/` |\n| 3 | `accept/`, `record/` |\n| 0 | `base/` |',
  );
  const server = (files: Record<string, string>): Tree =>
    new Map(Object.entries(files).map(([path, content]) => [`${SERVER}${path}`, content]));

  test('the table is read, and a name in it twice is refused', () => {
    expect([...ranks]).toEqual([
      ['http', 4],
      ['accept', 3],
      ['record', 3],
      ['base', 0],
    ]);
    expect(() => readRanks('| 1 | `a` |\n| 2 | `a/` |')).toThrow('twice');
  });
  test.each([
    ['upward', { 'base/a.ts': "import { x } from '../http/b.ts';" }],
    ['upward, type-only', { 'base/a.ts': "import type { X } from '../accept/b.ts';" }],
    ['upward, in a type', { 'base/a.ts': "export type Y = import('../accept/b.ts').X;" }],
    ['upward, passed on', { 'base/a.ts': "export { x } from '../accept/b.ts';" }],
    ['upward, at run time', { 'base/a.ts': "await import('../accept/b.ts');" }],
    ['sideways', { 'accept/a.ts': "import { x } from '../record/b.ts';" }],
    ['out of the server', { 'accept/a.ts': "import { x } from '../../../contract/src/ids.ts';" }],
  ])('%s', (_, files) => expect(againstRank(allImports(server(files)), ranks)).toHaveLength(1));
  test('downward and inside a folder is fine, and tests may do anything', () => {
    const files = {
      'http/a.ts': "import { x } from '../accept/b.ts'; import './c.ts'; import '../base/d.ts';",
      'base/a.test.ts': "import { x } from '../http/b.ts';",
    };
    expect(againstRank(allImports(server(files)), ranks)).toEqual([]);
  });
  test('a folder without a rank, a rank without a folder', () => {
    expect(
      unranked(server({ 'other/a.ts': '', 'base/a.ts': '', 'http/a.ts': '', 'accept/a.ts': '' }), ranks),
    ).toEqual(['other is not in the rank table', 'record is in the rank table only']);
  });
  test('an adapter', () => {
    const files = {
      'accept/a.ts': "import { S } from '../store/sqlite/store.ts';",
      'main.ts': "import { S } from './store/sqlite/store.ts';",
      'store/sqlite/a.ts': "import { S } from './store.ts';",
      'store/ports.ts': "import type { S } from './sqlite/store.ts';",
    };
    expect(adapterImports(allImports(server(files)))).toHaveLength(2);
  });
  test('a circle, also a type-only one and a long one', () => {
    const two = {
      'base/a.ts': "import type { B } from './b.ts';",
      'base/b.ts': "import { a } from './a.ts';",
    };
    expect(circles(allImports(server(two)))).toHaveLength(1);
    const three = {
      'base/a.ts': "import './b.ts';",
      'base/b.ts': "import './c.ts';",
      'base/c.ts': "import './a.ts';",
    };
    expect(circles(allImports(server(three)))).toHaveLength(1);
    const none = {
      'base/a.ts': "import './b.ts'; import './c.ts';",
      'base/b.ts': "import './c.ts';",
      'base/c.ts': '',
    };
    expect(circles(allImports(server(none)))).toEqual([]);
  });
  test('a barrel', () => {
    const tree = server({
      'base/all.ts': "export * from './a.ts';\nexport { b } from './b.ts';",
      'base/index.ts': 'export const x = 1;',
      'base/own.ts': "export { b } from './b.ts';\nexport const y = 2;",
    });
    expect(barrels(tree)).toEqual([`${SERVER}base/all.ts`, `${SERVER}base/index.ts`]);
  });
  test('a contract that leans on something', () => {
    const content = "import { createHmac } from 'node:crypto'; import Ajv from 'ajv'; import './ids.ts';";
    expect(contractImports(importsOf(`${CONTRACT}a.ts`, content))).toHaveLength(2);
  });
  test('a package that is not declared; product code that imports tests', () => {
    const imports = importsOf(
      `${SERVER}base/a.ts`,
      "import 'left-pad/x'; import '@scope/known/y'; import 'node:fs'; import 'vitest'; import './b.test.ts';",
    );
    expect(undeclared(imports, ['@scope/known', 'vitest'])).toHaveLength(1);
    expect(testImports(imports)).toHaveLength(2);
  });
});
