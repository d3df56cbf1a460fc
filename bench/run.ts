/** `npm run bench -- NAME [options]`: one command per claim. Without a name it lists them. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { readOptions, type BenchOptions } from './lib/options.ts';
import { shout } from './lib/report.ts';
import { ROWS, type Row } from './rows.ts';

const USAGE = `usage: npm run bench -- NAME [--rounds N] [--events N] [--write]
       npm run bench -- all --quick

  --write     keep the report in bench/results/NAME.md
  --quick     tiny sizes, one round, no goals: shows that everything runs
  --history N, --pending N, --seconds N   sizes of the rows that have them
`;

async function runRow(name: string, row: Row, options: BenchOptions): Promise<void> {
  const begun = performance.now();
  const { run } = await row.load();
  const report = await run(options);
  console.log(`\n${report}\n\n${name}: ${Math.round((performance.now() - begun) / 1000)} s`);
  if (!options.write) return;
  const folder = new URL('results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(`${name}.md`, folder), `${report}\n`);
}

/** One after the other, however one ends: the command fails when any of them did. */
async function runAll(options: BenchOptions): Promise<void> {
  const failed: string[] = [];
  for (const [name, row] of Object.entries(ROWS)) {
    if (options.quick && row.needs !== undefined) {
      shout(`SKIPPED: ${name} needs ${row.needs}; run it by its name.`);
      continue;
    }
    console.log(`\n── ${name}`);
    try {
      await runRow(name, row, options);
    } catch (error) {
      console.error(error);
      failed.push(name);
    }
  }
  if (failed.length > 0) throw new Error(`failed: ${failed.join(', ')}`);
}

const [name, ...args] = process.argv.slice(2);
const row = name === undefined ? undefined : ROWS[name];
if (name === 'all') await runAll(readOptions(args));
else if (name !== undefined && row !== undefined) await runRow(name, row, readOptions(args));
else {
  console.log(USAGE);
  for (const [key, { what }] of Object.entries(ROWS)) console.log(`  ${key.padEnd(12)} ${what}`);
  process.exitCode = name === undefined ? 0 : 2;
}
