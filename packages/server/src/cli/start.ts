/** `postrider start`: the server, until it is told to stop. */

import { constants } from 'node:os';
import type { Command } from 'commander';
import type { Config } from '../base/config.ts';
import { STOP_WITHIN_MS } from '../base/lifecycle.ts';
import { createLogger } from '../base/logger.ts';
import type { RunningServer } from '../main.ts';
import { settings, withSettings, type ConfigOptions } from './data-folder.ts';
import { CliError } from './failure.ts';
import type { Terminal } from './terminal.ts';
import { welcome } from './welcome.ts';

/** A terminal and the process in between may both pass on one Ctrl-C; a person needs longer for the second. */
const SAME_KEYPRESS_MS = 500;

export function addStart(program: Command, terminal: Terminal): void {
  withSettings(program.command('start'))
    .description('run the server')
    .option('--http-port <port>', 'HTTP port (or POSTRIDER_HTTP_PORT; 0 = any free one)')
    .option('--smtp-port <port>', 'SMTP port (or POSTRIDER_SMTP_PORT; 0 = any free one)')
    .addHelpText(
      'after',
      `
SIGTERM or SIGINT stops it gracefully, within 15 s; a second one at once.

Examples:
  postrider start
  postrider start --http-port 8080 --data-dir /var/lib/postrider
  POSTRIDER_PROFILE=production postrider start --config /etc/postrider.toml`,
    )
    .action((options: ConfigOptions) => start(settings(options, terminal), terminal));
}

async function start(config: Config, terminal: Terminal): Promise<void> {
  const log = createLogger(config);
  process.on('uncaughtExceptionMonitor', (err) =>
    log.error({ err }, 'the process ends on an error that nobody expected'),
  );
  const stopAsked = stopSignals();
  const { startServer } = await import('../main.ts');
  const server = await startServer(config, log).catch((error: unknown) => {
    throw explained(error, config);
  });
  announce(server, config, terminal, log);
  const signal = await stopAsked;
  log.info({ signal }, 'stopping');
  await stopInTime(server);
  log.info({}, 'stopped');
}

function announce(
  server: RunningServer,
  config: Config,
  terminal: Terminal,
  log: ReturnType<typeof createLogger>,
): void {
  if (config.profile === 'development') terminal.out(welcome(server, config.data.dir));
  log.info({ http: server.http, smtp: server.smtp, data: config.data.dir, profile: config.profile }, 'ready');
}

/** Resolves at the first signal; a later one ends the process at once. */
function stopSignals(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let first: number | null = null;
  const heard = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    first ??= now;
    if (now - first > SAME_KEYPRESS_MS) process.exit(128 + constants.signals[signal]);
    resolve(signal);
  };
  process.on('SIGTERM', heard);
  process.on('SIGINT', heard);
  // `npm start` holds a channel: its end is the end of the launcher, and nobody is left to stop this process.
  process.channel?.unref();
  process.once('disconnect', () => resolve('SIGTERM'));
  return promise;
}

/** The parts have bounds of their own; whatever hangs all the same is left behind. */
async function stopInTime(server: RunningServer): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => resolve('late'), STOP_WITHIN_MS);
  const outcome = await Promise.race([server.stop(), late]);
  clearTimeout(timer);
  // The caller exits the process; what is committed is on disk whatever hangs.
  if (outcome === 'late') throw new CliError(`Not everything stopped within ${STOP_WITHIN_MS / 1000} s.`);
}

/** The common reasons why a start fails, with the way out. */
function explained(error: unknown, config: Config): unknown {
  const { code, port, address } = error as NodeJS.ErrnoException & { port?: number; address?: string };
  if (code === 'EADDRINUSE' || code === 'EACCES') {
    const door = port === config.smtp.port ? 'SMTP' : 'HTTP';
    const why = code === 'EACCES' ? 'may not be opened by this user' : 'is taken by another program';
    return new CliError(
      `The ${door} port ${port} on ${address} ${why}. Choose another: POSTRIDER_${door}_PORT=… (0 = any free one).`,
    );
  }
  return error;
}
