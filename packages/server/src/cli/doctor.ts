/** `postrider doctor`: looks at everything a start needs and says what to do about what is wrong. */

import type { Command } from 'commander';
import { ConfigError, type Config } from '../base/config.ts';
import { settings, withSettings, type ConfigOptions } from './data-folder.ts';
import { CHECKS, type Finding } from './doctor-checks.ts';
import { CliError } from './failure.ts';
import type { Terminal } from './terminal.ts';

const MARK = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL' } as const;

export function addDoctor(program: Command, terminal: Terminal): void {
  withSettings(program.command('doctor'))
    .description('check this machine, the settings, the data folder and the server')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Exits with 1 when something is wrong; changes nothing.

Examples:
  postrider doctor
  postrider doctor --profile production --config /etc/postrider.toml`,
    )
    .action((options: ConfigOptions & { json?: boolean }) => doctor(options, terminal));
}

async function doctor(options: ConfigOptions & { json?: boolean }, terminal: Terminal): Promise<void> {
  const findings: Finding[] = [];
  const found = (finding: Finding): void => {
    findings.push(finding);
    if (options.json !== true) show(finding, terminal);
  };
  const config = load(options, terminal, found);
  if (config !== null)
    for (const { name, check } of CHECKS)
      found(
        await check(config).catch((error: unknown): Finding => ({
          name,
          verdict: 'fail',
          detail: error instanceof Error ? error.message : String(error),
        })),
      );
  if (options.json === true) terminal.out(JSON.stringify(findings));
  const failed = findings.filter(({ verdict }) => verdict === 'fail').length;
  if (failed > 0) throw new CliError(`${failed} of ${findings.length} checks failed.`);
}

function load(options: ConfigOptions, terminal: Terminal, found: (finding: Finding) => void): Config | null {
  try {
    const config = settings(options, terminal);
    found({ name: 'settings', verdict: 'ok', detail: `profile ${config.profile}` });
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    found({ name: 'settings', verdict: 'fail', detail: error.problems.join('; ') });
    return null;
  }
}

function show({ name, verdict, detail, remedy }: Finding, terminal: Terminal): void {
  terminal.out(`${MARK[verdict]}  ${name.padEnd(12)}  ${detail}`);
  if (remedy !== undefined) terminal.out(`      ${''.padEnd(12)}  → ${remedy}`);
}
