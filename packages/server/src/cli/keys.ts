/** `postrider keys`: through the running server with a key that may manage, or on the data folder itself. */

import type { Command } from 'commander';
import type { LocalParts } from '../main.ts';
import { call } from './client.ts';
import { inFolder, settings } from './data-folder.ts';
import { usage } from './failure.ts';
import { findTarget, withTarget, type TargetOptions } from './target.ts';
import { table, type Terminal } from './terminal.ts';

interface KeyOptions extends TargetOptions {
  project?: string;
  environment?: string;
  admin?: boolean;
  name?: string;
  scopes?: string;
  json?: boolean;
}
interface KeyRow {
  key_id: string;
  name: string;
  scopes: string[];
  prefix: string;
  created_at: string;
  revoked_at: string | null;
}
type MadeKey = KeyRow & { key: string };
type Scope = 'send' | 'read' | 'manage';

const ALL_SCOPES = 'send,read,manage';
const PAGE = 100;

export function addKeys(program: Command, terminal: Terminal): void {
  const keys = program
    .command('keys')
    .description('make, list and revoke API keys')
    .addHelpText('after', EXAMPLES);
  withPlace(keys.command('create'))
    .description('make a key; it is printed once')
    .requiredOption('--name <name>', 'what it is for')
    .option('--scopes <scopes>', 'separated by commas', ALL_SCOPES)
    .action((options: KeyOptions) => create(options, terminal));
  withPlace(keys.command('list'))
    .description('list keys, without the keys themselves')
    .action((options: KeyOptions) => list(options, terminal));
  withPlace(keys.command('revoke'))
    .description('revoke a key')
    .argument('<key_id>', 'id of the key (key_…)')
    .action((key_id: string, options: KeyOptions) => revoke(key_id, options, terminal));
}

const EXAMPLES = `
Keys belong to one environment of a project: the one of the key you call with. On a data folder that no server runs
on, name the place instead: --project and --environment, or --admin for administrators' keys.

Examples:
  postrider keys list
  postrider keys create --name newsletter --scopes send
  postrider keys revoke key_01…
  postrider keys create --name ops --project shop --environment live
  postrider keys create --name root --admin`;

function withPlace(command: Command): Command {
  return withTarget(command)
    .option('--project <name or id>', 'work on the data folder: the project')
    .option('--environment <name>', 'work on the data folder: live or sandbox')
    .option('--admin', "work on the data folder: administrators' keys")
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES);
}

async function create(options: KeyOptions, terminal: Terminal): Promise<void> {
  const input = { name: options.name ?? '', scopes: scopesOf(options) };
  let made: MadeKey;
  if (namesPlace(options)) {
    made = await inFolder(settings(options, terminal), async (parts) => {
      const env = await place(parts, options);
      const scopes = env === null ? [] : input.scopes;
      const { key, secret } = await parts.access.createApiKey(env, { name: input.name, scopes }, null);
      return { ...publicRow(key), key: secret };
    });
  } else {
    const target = findTarget(options, terminal);
    made = await call<MadeKey>(target, '/v1/api-keys', {
      method: 'POST',
      body: input,
      signal: terminal.signal,
    });
  }
  if (options.json === true) return terminal.out(JSON.stringify(made));
  terminal.out(`${made.key_id}  ${made.name}  ${made.scopes.join(',')}`);
  terminal.out(made.key);
  terminal.note('The key is shown this once; keep it.');
}

async function list(options: KeyOptions, terminal: Terminal): Promise<void> {
  const rows: KeyRow[] = [];
  if (namesPlace(options)) {
    await inFolder(settings(options, terminal), async (parts) => {
      const env = await place(parts, options);
      for (let cursor: string | null = null, first = true; first || cursor !== null; first = false) {
        const page = await parts.access.listApiKeys(env, { limit: PAGE, cursor });
        rows.push(...page.data.map(publicRow));
        cursor = page.next_cursor;
      }
    });
  } else {
    const target = findTarget(options, terminal);
    for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
      const page: { data: KeyRow[]; next_cursor: string | null } = await call(target, '/v1/api-keys', {
        query: { limit: String(PAGE), cursor },
        signal: terminal.signal,
      });
      rows.push(...page.data);
      cursor = page.next_cursor ?? undefined;
    }
  }
  if (options.json === true) return terminal.out(JSON.stringify(rows));
  const cells = rows.map((row) => [
    row.key_id,
    row.name,
    row.scopes.join(','),
    `${row.prefix}…`,
    row.created_at,
    row.revoked_at === null ? '' : `revoked ${row.revoked_at}`,
  ]);
  terminal.out(table(['key_id', 'name', 'scopes', 'key', 'created_at', ''], cells));
}

async function revoke(key_id: string, options: KeyOptions, terminal: Terminal): Promise<void> {
  const row = namesPlace(options)
    ? await inFolder(settings(options, terminal), async (parts) =>
        publicRow(await parts.access.revokeApiKey(await place(parts, options), key_id)),
      )
    : await call<KeyRow>(findTarget(options, terminal), `/v1/api-keys/${encodeURIComponent(key_id)}`, {
        method: 'DELETE',
        signal: terminal.signal,
      });
  if (options.json === true) return terminal.out(JSON.stringify(row));
  terminal.out(`${row.key_id}  ${row.name}  revoked ${row.revoked_at}`);
}

function namesPlace(options: KeyOptions): boolean {
  return options.project !== undefined || options.environment !== undefined || options.admin === true;
}

/** The store's number of the environment; null for administrators' keys. */
async function place({ access }: LocalParts, options: KeyOptions): Promise<number | null> {
  if (options.admin === true) return null;
  const projects = await access.listProjects();
  const found =
    options.project === undefined && projects.length === 1
      ? projects[0]
      : projects.find(
          ({ project }) => project.name === options.project || project.project_id === options.project,
        );
  const names = projects.map(({ project }) => project.name).join(', ');
  if (found === undefined)
    throw usage(`--project: name one of these: ${names === '' ? 'none exists' : names}.`);
  const environment = found.environments.find(({ name }) => name === options.environment);
  if (environment === undefined) throw usage('--environment must be live or sandbox.');
  return environment.env;
}

function scopesOf(options: KeyOptions): Scope[] {
  const scopes = (options.scopes ?? ALL_SCOPES).split(',').map((scope) => scope.trim());
  const unknown = scopes.find((scope) => !ALL_SCOPES.split(',').includes(scope));
  if (unknown !== undefined) throw usage(`--scopes: ${unknown} is none of ${ALL_SCOPES}.`);
  return scopes as Scope[];
}

function publicRow(
  key: Omit<KeyRow, 'created_at' | 'revoked_at'> & { created_at: number; revoked_at: number | null },
): KeyRow {
  return {
    key_id: key.key_id,
    name: key.name,
    scopes: key.scopes,
    prefix: key.prefix,
    created_at: new Date(key.created_at).toISOString(),
    revoked_at: key.revoked_at === null ? null : new Date(key.revoked_at).toISOString(),
  };
}
