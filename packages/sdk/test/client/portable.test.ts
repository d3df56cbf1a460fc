/** The client runs wherever there is `fetch` and Web Crypto: its whole import graph is walked. */

import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';

const PACKAGES = join(import.meta.dirname, '../../..');
const CONTRACT = '@postrider/contract/';

/** Files that `entry` needs, and what they import from elsewhere. Types are not there when it runs. */
function graphOf(entry: string): { files: Map<string, string>; elsewhere: Set<string> } {
  const files = new Map<string, string>();
  const elsewhere = new Set<string>();
  const open = [entry];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (files.has(file)) continue;
    const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2024,
        verbatimModuleSyntax: true,
        removeComments: true,
      },
    });
    files.set(file, outputText);
    for (const { fileName } of ts.preProcessFile(outputText, true, true).importedFiles)
      if (fileName.startsWith('.')) open.push(join(dirname(file), fileName));
      else if (fileName.startsWith(CONTRACT))
        open.push(join(PACKAGES, 'contract/src', `${fileName.slice(CONTRACT.length)}.ts`));
      else elsewhere.add(fileName);
  }
  return { files, elsewhere };
}

it('imports nothing but its own files and those of the contract', () => {
  const { files, elsewhere } = graphOf(join(PACKAGES, 'sdk/src/client/client.ts'));
  expect([...elsewhere]).toEqual([]);
  const folders = [...files.keys()].map((file) => relative(PACKAGES, file).replaceAll('\\', '/'));
  expect(folders.filter((file) => !/^(sdk\/src\/client|contract\/src)\//.test(file))).toEqual([]);
  expect(folders).toEqual(expect.arrayContaining(['contract/src/errors.ts', 'sdk/src/client/transport.ts']));
});

it('uses no global of Node', () => {
  const { files } = graphOf(join(PACKAGES, 'sdk/src/client/client.ts'));
  const ofNode = /\b(process|Buffer|require|setImmediate|__dirname|global)\b(?!['`:])/;
  expect([...files].filter(([, code]) => ofNode.test(code)).map(([file]) => file)).toEqual([]);
});

it('would see an import of Node and a package', () => {
  const { elsewhere } = graphOf(join(PACKAGES, 'server/src/http/door.ts'));
  expect([...elsewhere].some((name) => name.startsWith('node:'))).toBe(true);
  expect([...elsewhere]).toContain('fastify');
});
