/** A creating command runs once per environment and key; a repeated call gets the first call's answer. */

import { PostriderError } from '../../domain/errors.ts';
import type { Idempotency, Idempotent } from '../ports.ts';
import type { WriteContext } from './write-context.ts';

/** Records older than this are as good as gone, purged or not. API.md: 24 h of wall time. */
const KEPT_MS = 24 * 3_600_000;

export function once<T extends object>(
  context: WriteContext,
  env: number,
  idempotency: Idempotency | null,
  run: () => T,
): Idempotent<T> {
  const known = recall(context, env, idempotency) as T | null;
  if (known !== null) return { ...known, replayed: true };
  const result = run();
  remember(context, env, idempotency, result);
  return { ...result, replayed: false };
}

/** What the first call left; null when there was none, or no key. */
export function recall(context: WriteContext, env: number, idempotency: Idempotency | null): unknown {
  if (idempotency === null) return null;
  const { key, fingerprint, now } = idempotency;
  const known = context
    .sql('SELECT fingerprint, result, created_at FROM idempotency WHERE env = ? AND key = ?')
    .get(env, key);
  if (known !== undefined && now - (known['created_at'] as number) < KEPT_MS) {
    if (known['fingerprint'] !== fingerprint) {
      throw new PostriderError(
        'idempotency_conflict',
        `Idempotency-Key ${key} was used with another request.`,
      );
    }
    return JSON.parse(known['result'] as string) as object;
  }
  return null;
}

export function remember(
  context: WriteContext,
  env: number,
  idempotency: Idempotency | null,
  result: object,
): void {
  if (idempotency === null) return;
  const { key, fingerprint, now } = idempotency;
  context
    .sql(
      'INSERT OR REPLACE INTO idempotency (env, key, fingerprint, result, created_at) VALUES (?, ?, ?, ?, ?)',
    )
    .run(env, key, fingerprint, JSON.stringify(result), now);
}
