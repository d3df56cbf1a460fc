/** Projects, environments, keys, endpoints and suppressions as lists. */

import type { SuppressionReason } from '@postrider/contract/events';
import type { Endpoint } from '../../../domain/endpoint.ts';
import type { ApiKey, Environment, Project } from '../../../domain/tenancy.ts';
import type { Page, PageRequest, Suppression } from '../../ports.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import { INSTALLATION, toApiKey, toEndpoint, toEnvironment, toProject, toSuppression } from '../rows.ts';
import { Where, type ReadContext } from '../read-context.ts';
import { suppressionKey } from '../suppression-key.ts';

type Row = Record<string, unknown>;

export function listProjects(context: ReadContext): Project[] {
  return context.sql('SELECT * FROM project ORDER BY created_at, project_id').all().map(toProject);
}

export function listEnvironments(context: ReadContext): Environment[] {
  return context.sql('SELECT * FROM environment ORDER BY env').all().map(toEnvironment);
}

export function findApiKey(context: ReadContext, hash: string): ApiKey | null {
  const row = context.sql('SELECT * FROM api_key WHERE hash = ?').get(hash);
  return row === undefined ? null : toApiKey(row);
}

export function listApiKeys(context: ReadContext, env: number | null, page: PageRequest): Page<ApiKey> {
  return byOffset(page, (limit, offset) =>
    context
      .sql('SELECT * FROM api_key WHERE env = ? ORDER BY key_id DESC LIMIT ? OFFSET ?')
      .all(env ?? INSTALLATION, limit, offset)
      .map(toApiKey),
  );
}

export function getEndpoint(context: ReadContext, env: number, endpointId: string): Endpoint | null {
  const row = context
    .sql('SELECT * FROM endpoint WHERE endpoint_id = ? AND env = ? AND deleted_at IS NULL')
    .get(endpointId, env);
  return row === undefined ? null : toEndpoint(row);
}

export function listEndpoints(context: ReadContext, env: number, page: PageRequest): Page<Endpoint> {
  const before = page.cursor === null ? Number.MAX_SAFE_INTEGER : (decodeCursor(page.cursor, 1)[0] as number);
  const rows = context
    .sql(
      'SELECT * FROM endpoint WHERE env = ? AND lane < ? AND deleted_at IS NULL ORDER BY lane DESC LIMIT ?',
    )
    .all(env, before, page.limit + 1);
  const data = rows.slice(0, page.limit).map(toEndpoint);
  return { data, next_cursor: rows.length > page.limit ? encodeCursor([data.at(-1)?.lane ?? 0]) : null };
}

export function allEndpoints(context: ReadContext): { endpoint: Endpoint; pending: number }[] {
  const pending = new Map(
    context
      .sql('SELECT lane, count(*) AS n FROM pending GROUP BY lane')
      .all()
      .map((row) => [row['lane'] as number, row['n'] as number]),
  );
  return context
    .sql('SELECT * FROM endpoint WHERE deleted_at IS NULL ORDER BY lane')
    .all()
    .map((row) => ({ endpoint: toEndpoint(row), pending: pending.get(row['lane'] as number) ?? 0 }));
}

export function getSuppression(context: ReadContext, env: number, address: string): Suppression | null {
  const row = context
    .sql('SELECT * FROM suppression WHERE env = ? AND address = ?')
    .get(env, suppressionKey(address));
  return row === undefined ? null : toSuppression(row);
}

export function listSuppressions(
  context: ReadContext,
  env: number,
  filter: { reason: SuppressionReason | null; q: string | null },
  page: PageRequest,
): Page<Suppression> {
  const where = new Where().and('env = ?', env).andIf(filter.reason, 'reason = ?');
  if (filter.q !== null)
    where.and("address LIKE ? ESCAPE '\\'", `%${filter.q.replace(/[\\%_]/g, (c) => `\\${c}`)}%`);
  // The key of this list is text, so its cursor is an address and not a number.
  if (page.cursor !== null) where.and('address > ?', Buffer.from(page.cursor, 'base64url').toString('utf8'));
  const rows: Row[] = context
    .sql(`SELECT * FROM suppression WHERE ${where.text} ORDER BY address LIMIT ?`)
    .all(...where.values, page.limit + 1);
  const data = rows.slice(0, page.limit).map(toSuppression);
  const last = data.at(-1);
  const more = rows.length > page.limit && last !== undefined;
  return { data, next_cursor: more ? Buffer.from(last.address).toString('base64url') : null };
}

/** For lists that stay short: the cursor is how many came before. */
function byOffset<T>(page: PageRequest, read: (limit: number, offset: number) => T[]): Page<T> {
  const offset = page.cursor === null ? 0 : Math.max(0, decodeCursor(page.cursor, 1)[0] as number);
  const rows = read(page.limit + 1, offset);
  const more = rows.length > page.limit;
  return { data: rows.slice(0, page.limit), next_cursor: more ? encodeCursor([offset + page.limit]) : null };
}
