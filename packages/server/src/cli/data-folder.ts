/** Settings for a command, and the data folder opened directly when no server runs on it. */

import type { Command } from 'commander';
import { loadConfig, type Config, type ConfigOverrides } from '../base/config.ts';
import type { LocalParts } from '../main.ts';
import { usage } from './failure.ts';
import type { Terminal } from './terminal.ts';

export interface ConfigOptions {
  config?: string;
  profile?: string;
  dataDir?: string;
  httpPort?: string;
  smtpPort?: string;
}

/** Adds the flags that settings commonly come by; all others come from the file or the environment. */
export function withSettings(command: Command): Command {
  return command
    .option(
      '--config <file>',
      'settings file (or POSTRIDER_CONFIG); config.default.toml explains every setting',
    )
    .option('--profile <name>', 'development or production (or POSTRIDER_PROFILE)')
    .option('--data-dir <folder>', 'data folder (or POSTRIDER_DATA_DIR; default ./data)');
}

/** The settings as `start` would load them. Throws `ConfigError`. */
export function settings(options: ConfigOptions, terminal: Terminal): Config {
  const overrides: ConfigOverrides = {
    ...(options.profile === undefined ? {} : { profile: profile(options.profile) }),
    ...(options.dataDir === undefined ? {} : { data: { dir: options.dataDir } }),
    ...(options.httpPort === undefined ? {} : { http: { port: port(options.httpPort, '--http-port') } }),
    ...(options.smtpPort === undefined ? {} : { smtp: { port: port(options.smtpPort, '--smtp-port') } }),
  };
  return loadConfig({ overrides, env: terminal.env, file: options.config });
}

/** Runs `work` on the data folder. Throws `DataFolderInUse` while a server runs on it. */
export async function inFolder<T>(config: Config, work: (parts: LocalParts) => Promise<T>): Promise<T> {
  const { openLocal } = await import('../main.ts');
  const parts = await openLocal(config);
  try {
    return await work(parts);
  } finally {
    await parts.stop();
  }
}

function profile(text: string): Config['profile'] {
  if (text !== 'development' && text !== 'production')
    throw usage('--profile must be development or production.');
  return text;
}

function port(text: string, flag: string): number {
  if (!/^\d{1,5}$/.test(text)) throw usage(`${flag} must be a port from 0 to 65535.`);
  return Number(text);
}
