/** Projects, environments and their clocks, API keys. */

import type { EnvironmentName } from '@postrider/contract/events';
import { PostriderError, notFound } from '../../../domain/errors.ts';
import type { ApiKey, Environment, Project } from '../../../domain/tenancy.ts';
import type { Idempotency, Idempotent, NewApiKey } from '../../ports.ts';
import { once } from '../idempotency.ts';
import { INSTALLATION, toApiKey, toEnvironment } from '../rows.ts';
import type { WriteContext } from '../write-context.ts';
import { MAX_ENVIRONMENTS } from '../log-position.ts';

const ENVIRONMENTS: readonly EnvironmentName[] = ['live', 'sandbox'];

export function createProject(
  context: WriteContext,
  project: Project,
  idempotency: Idempotency | null,
): Idempotent<{ project: Project; environments: Environment[] }> {
  return once(context, INSTALLATION, idempotency, () => {
    if (context.sql('SELECT 1 FROM project WHERE name = ?').get(project.name) !== undefined) {
      throw new PostriderError('conflict', `There is a project named ${project.name} already.`);
    }
    context
      .sql('INSERT INTO project (project_id, name, created_at) VALUES (?, ?, ?)')
      .run(project.project_id, project.name, project.created_at);
    const environments = ENVIRONMENTS.map((name) => addEnvironment(context, project.project_id, name));
    return { project, environments };
  });
}

function addEnvironment(context: WriteContext, project_id: string, name: EnvironmentName): Environment {
  const env = Number(
    context.sql('INSERT INTO environment (project_id, name) VALUES (?, ?)').run(project_id, name)
      .lastInsertRowid,
  );
  if (env >= MAX_ENVIRONMENTS) {
    throw new PostriderError('conflict', `This installation is full: ${MAX_ENVIRONMENTS / 2} projects.`);
  }
  return { env, project_id, name, clock_offset_ms: 0 };
}

export function createApiKey(
  context: WriteContext,
  key: NewApiKey,
  idempotency: Idempotency | null,
): Idempotent<{ key: ApiKey; sealed: string | null }> {
  const env = key.env ?? INSTALLATION;
  return once(context, env, idempotency, () => {
    context
      .sql(
        'INSERT INTO api_key (key_id, env, name, scopes, prefix, hash, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
      )
      .run(key.key_id, env, key.name, JSON.stringify(key.scopes), key.prefix, key.hash, key.created_at);
    const { key_id, name, scopes, prefix, created_at } = key;
    return {
      key: { key_id, env: key.env, name, scopes, prefix, created_at, revoked_at: null },
      sealed: key.sealed,
    };
  });
}

export function revokeApiKey(context: WriteContext, env: number | null, key_id: string, now: number): ApiKey {
  context
    .sql('UPDATE api_key SET revoked_at = coalesce(revoked_at, ?) WHERE key_id = ? AND env = ?')
    .run(now, key_id, env ?? INSTALLATION);
  const row = context
    .sql('SELECT * FROM api_key WHERE key_id = ? AND env = ?')
    .get(key_id, env ?? INSTALLATION);
  if (row === undefined) throw notFound('API key', key_id);
  return toApiKey(row);
}

export function advanceClock(context: WriteContext, env: number, by_ms: number): Environment {
  context.sql('UPDATE environment SET clock_offset_ms = clock_offset_ms + ? WHERE env = ?').run(by_ms, env);
  const row = context.sql('SELECT * FROM environment WHERE env = ?').get(env);
  if (row === undefined) throw notFound('environment', String(env));
  const environment = toEnvironment(row);
  context.setClock(env, environment.clock_offset_ms);
  return environment;
}
