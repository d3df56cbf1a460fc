/** `postrider migrate`: brings the database to this release's schema; `start` does so too. */

import type { Command } from 'commander';
import { inFolder, settings, withSettings, type ConfigOptions } from './data-folder.ts';
import { CliError } from './failure.ts';
import type { Terminal } from './terminal.ts';

export function addMigrate(program: Command, terminal: Terminal): void {
  withSettings(program.command('migrate'))
    .description('bring the database to the schema of this release')
    .option('--check', 'change nothing; exit with 1 when there is something to do')
    .addHelpText(
      'after',
      `
\`start\` migrates too. Run this beforehand to see what an upgrade does; make a backup first.

Examples:
  postrider migrate --check
  postrider migrate --data-dir /var/lib/postrider`,
    )
    .action((options: ConfigOptions & { check?: boolean }) => migrate(options, terminal));
}

async function migrate(options: ConfigOptions & { check?: boolean }, terminal: Terminal): Promise<void> {
  const config = settings(options, terminal);
  const { inspectDatabase } = await import('../main.ts');
  const before = inspectDatabase(config.data.dir);
  if (options.check === true) {
    if (before === null) throw new CliError(`There is no database in ${config.data.dir} yet.`);
    terminal.out(`${before.path}: schema ${before.schema}, this release has ${before.newest}`);
    if (before.schema !== before.newest) throw new CliError('There is something to migrate.');
    return;
  }
  await inFolder(config, async () => {});
  const after = inspectDatabase(config.data.dir);
  const from = before?.schema ?? 0;
  terminal.out(
    from === after?.schema
      ? `${after.path}: schema ${from}, nothing to do`
      : `${after?.path}: schema ${from} → ${after?.schema}`,
  );
}
