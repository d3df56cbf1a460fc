/** `postrider backup PATH`: a consistent copy of the database, while the server runs, verified by opening it. */

import type { Command } from 'commander';
import { backupTo } from '../maintain/backup.ts';
import { settings, withSettings, type ConfigOptions } from './data-folder.ts';
import { CliError } from './failure.ts';
import type { Terminal } from './terminal.ts';

export function addBackup(program: Command, terminal: Terminal): void {
  withSettings(program.command('backup'))
    .description('copy the database while the server runs, and verify the copy')
    .argument('<path>', 'file to write; it must not exist')
    .addHelpText(
      'after',
      `
The copy holds signing secrets, encrypted. The master key is not in it: keep that one apart, or the secrets are lost.
To restore: stop the server, put the copy in the data folder as postrider.db, remove postrider.db-wal and
postrider.db-shm, start.

Examples:
  postrider backup /backups/postrider-$(date +%F).db
  postrider backup --data-dir /var/lib/postrider /backups/today.db`,
    )
    .action((path: string, options: ConfigOptions) => backup(path, options, terminal));
}

async function backup(path: string, options: ConfigOptions, terminal: Terminal): Promise<void> {
  const { dir } = settings(options, terminal).data;
  const { copyDatabase, inspectDatabase } = await import('../main.ts');
  if (inspectDatabase(dir) === null) throw new CliError(`There is no database in ${dir}.`);
  const done = await backupTo({ backup: (to) => copyDatabase(dir, to) }, path);
  terminal.out(`${done.path}  ${done.bytes} bytes, opened and checked`);
}
