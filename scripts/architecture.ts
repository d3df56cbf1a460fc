/** The import rule as a function of a file tree, so that the rule itself can be tested on trees made up for it. */

import { posix } from 'node:path';
import ts from 'typescript';

/** Path from the repository's root, with slashes -> content. */
export type Tree = ReadonlyMap<string, string>;

export const SERVER = 'packages/server/src/';
export const CONTRACT = 'packages/contract/src/';
const ADAPTERS = [`${SERVER}store/sqlite/`, `${SERVER}store/postgres/`];
const TEST_FILE = /\.test\.ts$|\/testing\/|\/test\/|\/conformance\/|\/test-kit|testkit/;

export interface Import {
  from: string;
  /** As written. */
  specifier: string;
  /** Path from the root for a relative import; null for a package. */
  to: string | null;
}

/** Rank of each folder (or file) of the server, from the table in ARCHITECTURE.md: `| rank | folder | … |`. */
export function readRanks(page: string): Map<string, number> {
  const ranks = new Map<string, number>();
  for (const line of page.split('\n')) {
    const [, rank, folders] = /^\|\s*(\d+)\s*\|([^|]*)\|/.exec(line) ?? [];
    for (const [, folder] of (folders ?? '').matchAll(/`([^`]+)`/g)) {
      const name = (folder ?? '').replace(/\/$/, '');
      if (ranks.has(name)) throw new Error(`${name} is in the rank table twice`);
      ranks.set(name, Number(rank));
    }
  }
  return ranks;
}

/** Every import of a file: `import`, `export … from`, `import()`, type-only ones too. */
export function importsOf(path: string, content: string): Import[] {
  return ts.preProcessFile(content, true, true).importedFiles.map(({ fileName }) => ({
    from: path,
    specifier: fileName,
    to: fileName.startsWith('.') ? posix.normalize(posix.join(posix.dirname(path), fileName)) : null,
  }));
}

export function isTest(path: string): boolean {
  return TEST_FILE.test(path);
}

/** The first name below `src/`: a folder, or a file such as main.ts. */
export function partOf(path: string): string {
  return path.slice(SERVER.length).split('/')[0] ?? '';
}

/** Folders without a rank, and ranks without a folder. */
export function unranked(tree: Tree, ranks: ReadonlyMap<string, number>): string[] {
  const parts = new Set([...tree.keys()].filter((path) => path.startsWith(SERVER)).map(partOf));
  return [
    ...[...parts].filter((part) => !ranks.has(part)).map((part) => `${part} is not in the rank table`),
    ...[...ranks.keys()]
      .filter((part) => !parts.has(part))
      .map((part) => `${part} is in the rank table only`),
  ];
}

/** Imports that go up or sideways. Tests may import anything. */
export function againstRank(imports: readonly Import[], ranks: ReadonlyMap<string, number>): string[] {
  return imports.flatMap(({ from, to }) => {
    if (to === null || isTest(from) || !from.startsWith(SERVER)) return [];
    if (!to.startsWith(SERVER)) return [`${from} leaves the server by a path: ${to}`];
    const [own, other] = [partOf(from), partOf(to)];
    const [rank, otherRank] = [ranks.get(own) ?? -1, ranks.get(other) ?? Infinity];
    if (own === other || otherRank < rank) return [];
    return [`${from} (${own}, ${rank}) imports ${to} (${other}, ${otherRank})`];
  });
}

/** Adapters are for main.ts, for themselves, and for tests. */
export function adapterImports(imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, to }) => {
    const adapter = ADAPTERS.find((folder) => to?.startsWith(folder) === true);
    if (adapter === undefined || isTest(from) || from === `${SERVER}main.ts`) return [];
    return from.startsWith(adapter) ? [] : [`${from} imports the adapter ${to}`];
  });
}

/** Product code that imports what is there for tests. */
export function testImports(imports: readonly Import[]): string[] {
  return imports
    .filter(({ from, to, specifier }) => !isTest(from) && (isTest(to ?? '') || specifier === 'vitest'))
    .map(({ from, specifier }) => `${from} imports ${specifier}`);
}

/** Each circle once, as the files along it. */
export function circles(imports: readonly Import[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports) if (to !== null) next.set(from, [...(next.get(from) ?? []), to]);
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, way: readonly string[]): void => {
    const at = way.indexOf(path);
    if (at >= 0) found.push([...way.slice(at), path].join(' → '));
    if (at >= 0 || done.has(path)) return;
    for (const target of next.get(path) ?? []) visit(target, [...way, path]);
    done.add(path);
  };
  for (const path of next.keys()) visit(path, []);
  return found;
}

/** Files that only pass on what others export. */
export function barrels(tree: Tree): string[] {
  return [...tree].flatMap(([path, content]) => {
    const { statements } = ts.createSourceFile(path, content, ts.ScriptTarget.Latest);
    const onlyPasses =
      statements.length > 0 &&
      statements.every(
        (statement) => ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined,
      );
    return onlyPasses || /(^|\/)index\.ts$/.test(path) ? [path] : [];
  });
}

/** The contract stands alone: its own files, no packages, no Node. */
export function contractImports(imports: readonly Import[]): string[] {
  return imports
    .filter(
      ({ from, to }) => from.startsWith(CONTRACT) && !isTest(from) && !(to?.startsWith(CONTRACT) ?? false),
    )
    .map(({ from, specifier }) => `${from} imports ${specifier}`);
}

/** Packages that the server imports without declaring them. */
export function undeclared(imports: readonly Import[], declared: readonly string[]): string[] {
  return imports
    .filter(({ from, to, specifier }) => {
      if (to !== null || !from.startsWith(SERVER) || isTest(from) || specifier.startsWith('node:'))
        return false;
      const parts = specifier.split('/');
      const name = specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0];
      return !declared.includes(name ?? '');
    })
    .map(({ from, specifier }) => `${from} imports ${specifier}`);
}
