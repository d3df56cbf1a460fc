/** The contract runs wherever JavaScript does: no module of Node, no package, no global that browsers lack. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const SRC = dirname(fileURLToPath(import.meta.url));
const VECTORS = join(SRC, '../../../vectors');
const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .sort();

describe('the contract', () => {
  it('declares no dependencies', () => {
    const manifest = JSON.parse(readFileSync(join(SRC, '../package.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    expect(Object.keys(manifest).filter((name) => /dependencies/i.test(name))).toEqual([]);
  });

  it.each(files)('%s imports only files of the contract', (file) => {
    const { importedFiles } = ts.preProcessFile(readFileSync(join(SRC, file), 'utf8'), true, true);
    for (const { fileName } of importedFiles) {
      expect(fileName).toMatch(/^\.\.?\/.*\.ts$/);
      expect(files).toContain(relative(SRC, join(SRC, dirname(file), fileName)));
    }
  });

  it('verifies, folds, and reads ids where there are web globals only', async () => {
    const world = browserLike();
    const exported = Object.assign({}, ...files.map((file) => world.load(file))) as Record<string, Work>;
    const { cases: signed } = vectors('signatures/valid.json') as { cases: SignedCase[] };
    for (const vector of signed) {
      const verify = exported[vector.scheme === 'standard' ? 'verifyStandard' : 'verifySendarix'] as Work;
      const body = Uint8Array.from(Buffer.from(vector.body_base64, 'base64'));
      expect(await verify({ ...vector, body, now: vector.now_ms })).toMatchObject({ ok: true });
    }
    const { cases: folds } = vectors('folds/histories.json') as {
      cases: { events: object[]; state: object }[];
    };
    for (const { events, state } of folds) expect(plain(exported.foldState?.(events))).toEqual(state);
    const { valid } = vectors('ids/ids.json') as { valid: { prefix: string; id: string; time: number }[] };
    for (const { prefix, id, time } of valid) {
      expect(exported.idTime?.(id)).toBe(time);
      expect(exported.encodeId?.(prefix, exported.decodeId?.(prefix, id))).toBe(id);
    }
  });

  it('would be caught using a global of Node', () => {
    const { context } = browserLike();
    for (const name of ['process', 'Buffer', 'require', 'global', 'setImmediate'])
      expect(() => runInContext(`${name}.toString()`, context)).toThrow(/is not defined/);
  });
});

type Work = (...input: unknown[]) => unknown;
interface SignedCase {
  scheme: string;
  body_base64: string;
  now_ms: number;
}

/** A context with web globals and a loader of the contract's files; every file is evaluated once. */
function browserLike(): { context: object; load: (file: string) => object } {
  const context = createContext({ crypto, TextEncoder, TextDecoder, atob, btoa, URL, Headers });
  const loaded = new Map<string, object>();
  function load(file: string): object {
    const known = loaded.get(file);
    if (known !== undefined) return known;
    const exports = {};
    loaded.set(file, exports);
    const { outputText } = ts.transpileModule(readFileSync(join(SRC, file), 'utf8'), {
      compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2024 },
    });
    const wrapped = runInContext(`(function (exports, require) {${outputText}\n})`, context, {
      filename: file,
    }) as Work;
    wrapped(exports, (specifier: string) => load(normalize(join(dirname(file), specifier))));
    return exports;
  }
  return { context, load };
}

function vectors(name: string): unknown {
  return JSON.parse(readFileSync(join(VECTORS, name), 'utf8'));
}

/** Objects of the other world have other prototypes. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
