/** The entries that promise to run anywhere: what they import, and how much that is. */

import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const RECEIVER = join(dirname(fileURLToPath(import.meta.url)), '../../src/receiver');
const CONTRACT = join(RECEIVER, '../../../contract/src');
const MAX_GZIP = 30 * 1024;

/** Every file that an entry needs at run time, with its text as JavaScript; type imports are gone by then. */
function graph(entry: string, seen = new Map<string, string>()): Map<string, string> {
  if (seen.has(entry)) return seen;
  const compilerOptions = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2024,
    removeComments: true,
    verbatimModuleSyntax: true,
  };
  const { outputText } = ts.transpileModule(readFileSync(entry, 'utf8'), { compilerOptions });
  seen.set(entry, outputText);
  for (const { fileName } of ts.preProcessFile(outputText, true, true).importedFiles)
    graph(resolve(entry, fileName), seen);
  return seen;
}

function resolve(from: string, specifier: string): string {
  if (specifier.startsWith('@postrider/contract/'))
    return join(CONTRACT, `${specifier.slice('@postrider/contract/'.length)}.ts`);
  if (specifier.startsWith('.')) return join(dirname(from), specifier);
  throw new Error(`${relative(RECEIVER, from)} imports ${specifier}`);
}

describe('the portable entries', () => {
  it.each([
    'receiver.ts',
    'memory-store.ts',
    'hono.ts',
    'next.ts',
    'lambda.ts',
    'fan-out.ts',
    'alerts.ts',
    'suppression-sync.ts',
    'provider-scheme.ts',
  ])('%s needs no module of Node and no package', (entry) => {
    expect([...graph(join(RECEIVER, entry)).keys()].length).toBeGreaterThan(0);
  });

  it('would be caught with one', () => {
    expect(() => graph(join(RECEIVER, 'sqlite-store.ts'))).toThrow('sqlite-store.ts imports node:sqlite');
  });

  it('names no global of Node', () => {
    for (const [file, text] of graph(join(RECEIVER, 'receiver.ts')))
      expect(text, file).not.toMatch(
        /(?<![\w.'"`-])(?:process|Buffer|require|global|setImmediate|__dirname)(?![\w'"`-])/,
      );
  });

  it('is small without stores and providers', () => {
    const files = graph(join(RECEIVER, 'receiver.ts'));
    const size = gzipSync([...files.values()].join('\n')).length;
    console.log(`receiver.ts: ${files.size} files, ${size} bytes gzip, not minified`);
    expect(size).toBeLessThan(MAX_GZIP);
    for (const file of files.keys()) expect(file).not.toMatch(/-store|providers\/(?!json-fields)/);
  });
});
