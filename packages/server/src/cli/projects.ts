/** `postrider projects`: through the running server with the administrator's key, or on the data folder itself. */

import type { Command } from 'commander';
import { call } from './client.ts';
import { inFolder, settings } from './data-folder.ts';
import { CliError, EXIT } from './failure.ts';
import { findAdminTarget, type Target } from './target.ts';
import { table, type Terminal } from './terminal.ts';

interface ProjectOptions {
  url?: string;
  adminKey?: string;
  dataDir?: string;
  json?: boolean;
}
interface ProjectRow {
  project_id: string;
  name: string;
  created_at: string;
}
interface MadeProject extends ProjectRow {
  keys: { live: string; sandbox: string };
}

export function addProjects(program: Command, terminal: Terminal): void {
  const projects = program.command('projects').description('make and list projects');
  withAdmin(projects.command('create'))
    .description('make a project; prints the first key of each of its environments, once')
    .argument('<name>', 'name of the project')
    .action((name: string, options: ProjectOptions) => create(name, options, terminal));
  withAdmin(projects.command('list'))
    .description('list projects')
    .action((options: ProjectOptions) => list(options, terminal));
}

function withAdmin(command: Command): Command {
  return command
    .option('--url <url>', 'address of the server (or POSTRIDER_URL)')
    .option('--admin-key <key>', "administrator's key (or POSTRIDER_SECURITY_ADMIN_KEY)")
    .option('--data-dir <folder>', 'data folder (or POSTRIDER_DATA_DIR; default ./data)')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
With a server running, its administrator's key is needed (in development it is found in first-run.json).
Without one, the data folder is opened directly.

Examples:
  postrider projects create shop
  postrider projects list --json
  postrider projects create shop --url https://mail.example.com --admin-key pr_admin_…`,
    );
}

async function create(name: string, options: ProjectOptions, terminal: Terminal): Promise<void> {
  const made = await eitherWay(options, terminal, {
    server: (target) =>
      call<MadeProject>(target, '/v1/projects', { method: 'POST', body: { name }, signal: terminal.signal }),
    folder: () =>
      inFolder(settings(options, terminal), async ({ access }): Promise<MadeProject> => {
        const { project, environments } = await access.createProject(name, null);
        const keys = { live: '', sandbox: '' };
        for (const environment of environments) {
          const input = { name: 'first key', scopes: ['send', 'read', 'manage'] as const };
          keys[environment.name] = (await access.createApiKey(environment.env, input, null)).secret;
        }
        return { ...publicRow(project), keys };
      }),
  });
  if (options.json === true) return terminal.out(JSON.stringify(made));
  terminal.out(`${made.project_id}  ${made.name}`);
  terminal.out(`  live key     ${made.keys.live}`);
  terminal.out(`  sandbox key  ${made.keys.sandbox}`);
  terminal.note('The keys are shown this once; keep them.');
}

async function list(options: ProjectOptions, terminal: Terminal): Promise<void> {
  const rows = await eitherWay(options, terminal, {
    server: async (target) =>
      (await call<{ data: ProjectRow[] }>(target, '/v1/projects', { signal: terminal.signal })).data,
    folder: () =>
      inFolder(settings(options, terminal), async ({ access }) =>
        (await access.listProjects()).map(({ project }) => publicRow(project)),
      ),
  });
  if (options.json === true) return terminal.out(JSON.stringify(rows));
  const cells = rows.map((row) => [row.project_id, row.name, row.created_at]);
  terminal.out(table(['project_id', 'name', 'created_at'], cells));
}

function publicRow(project: { project_id: string; name: string; created_at: number }): ProjectRow {
  const { project_id, name, created_at } = project;
  return { project_id, name, created_at: new Date(created_at).toISOString() };
}

/** Asks the server when there is one and a key for it, else works on the folder. */
async function eitherWay<T>(
  options: ProjectOptions,
  terminal: Terminal,
  ways: { server: (target: Target) => Promise<T>; folder: () => Promise<T> },
): Promise<T> {
  const named = options.url ?? terminal.env['POSTRIDER_URL'] ?? '';
  if (named !== '') return ways.server(findAdminTarget(options, terminal));
  let target: Target;
  try {
    target = findAdminTarget(options, terminal);
  } catch (error) {
    // No key: then only the folder is left, and its lock tells whether a server is running.
    if (error instanceof CliError && error.exitCode === EXIT.usage) return ways.folder();
    throw error;
  }
  try {
    return await ways.server(target);
  } catch (error) {
    if (error instanceof CliError && error.exitCode === EXIT.unreachable) return ways.folder();
    throw error;
  }
}
