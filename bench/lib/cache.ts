/** What is costly to make is kept between runs, under a name that changes with everything it depends on. */

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/postrider-bench/', import.meta.url));
const MIGRATIONS = new URL('../../packages/server/migrations/sqlite/', import.meta.url);

/** The folder `name` made by `build` for the same `inputs`; older ones of that name are removed. */
export async function cached(
  name: string,
  inputs: readonly string[],
  build: (dir: string) => Promise<void>,
): Promise<string> {
  const hash = createHash('sha256').update(inputs.join('\0')).digest('hex').slice(0, 12);
  const dir = join(CACHE, `${name}-${hash}`);
  if (existsSync(dir)) return dir;
  mkdirSync(CACHE, { recursive: true });
  for (const other of readdirSync(CACHE))
    if (other.startsWith(`${name}-`)) rmSync(join(CACHE, other), { recursive: true });
  const partial = `${dir}.partial`;
  mkdirSync(partial);
  console.log(`making ${name} once, to be kept in ${dir}`);
  await build(partial);
  renameSync(partial, dir);
  return dir;
}

/** Events age: before what is held grows too old to be sent, or history old enough to be deleted, it is made anew. */
const MAX_AGE_MS = 2 * 86_400_000;

/** What a generated database depends on: the schema, the files that fill it, and the time. */
export function databaseInputs(...files: readonly URL[]): string[] {
  const migrations = readdirSync(MIGRATIONS)
    .sort()
    .map((file) => new URL(file, MIGRATIONS));
  const texts = [...migrations, ...files].map((file) => readFileSync(file, 'utf8'));
  return [...texts, String(Math.floor(Date.now() / MAX_AGE_MS))];
}
