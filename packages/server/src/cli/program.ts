/** The command line as a whole: its commands, its help, and how every failure is told. */

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { ERRORS } from '@postrider/contract/errors';
import { ConfigError } from '../base/config.ts';
import { PostriderError } from '../domain/errors.ts';
import { addBackup } from './backup.ts';
import { addBench } from './bench.ts';
import { addDoctor } from './doctor.ts';
import { addExplainBounce } from './explain-bounce.ts';
import { CliError, EXIT } from './failure.ts';
import { addKeys } from './keys.ts';
import { addListen } from './listen.ts';
import { addMigrate } from './migrate.ts';
import { addProjects } from './projects.ts';
import { addReplay } from './replay.ts';
import { addSend } from './send.ts';
import { addStart } from './start.ts';
import { addTail } from './tail.ts';
import type { Terminal } from './terminal.ts';
import { addTrigger } from './trigger.ts';

/** Errors whose message is written for the person who starts the product. */
const PLAIN = new Set(['DataFolderInUse', 'DatabaseRefused', 'SealError']);

/** Runs one command line (without `node` and the script); resolves to the exit code. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = build(terminal);
  try {
    await program.parseAsync(args, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    if (terminal.signal.aborted) return EXIT.ok;
    return told(error, terminal);
  }
}

function build(terminal: Terminal): Command {
  const program = new Command('postrider')
    .description('Event-driven email operations, self-hosted.')
    .version(version())
    .showHelpAfterError('(--help shows how to use it)')
    .addHelpText(
      'after',
      `
Exit codes: 0 done, 1 failed, 2 used wrongly or unusable settings, 3 no server answers.
From a clone: npm exec postrider -- <command>`,
    );
  const settle = (command: Command): void => {
    command.exitOverride();
    command.configureOutput({
      writeOut: (text) => terminal.out(text.replace(/\n$/, '')),
      writeErr: (text) => terminal.note(text.replace(/\n$/, '')),
    });
    for (const inner of command.commands) settle(inner);
  };
  for (const add of [addStart, addListen, addTrigger, addSend, addTail, addReplay]) add(program, terminal);
  for (const add of [addProjects, addKeys, addDoctor, addMigrate, addBackup, addBench])
    add(program, terminal);
  addExplainBounce(program, terminal);
  settle(program);
  return program;
}

function told(error: unknown, terminal: Terminal): number {
  // Commander has said it already, also when it only showed help.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof CliError) {
    terminal.note(`postrider: ${error.message}`);
    return error.exitCode;
  }
  if (error instanceof ConfigError) {
    terminal.note(`postrider: ${error.message}`);
    return EXIT.usage;
  }
  if (error instanceof PostriderError) {
    terminal.note(`postrider: ${error.message}\n${ERRORS[error.code].remedy}`);
    return EXIT.failed;
  }
  const known = error instanceof Error && PLAIN.has(error.name);
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  terminal.note(`postrider: ${known ? error.message : detail}`);
  return EXIT.failed;
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
