/** Calls to the HTTP API. Whatever goes wrong becomes a `CliError` with the server's own words. */

import { ERRORS, type Problem } from '@postrider/contract/errors';
import { CliError, EXIT } from './failure.ts';
import type { Target } from './target.ts';

export interface CallOptions {
  method?: 'GET' | 'POST' | 'DELETE' | 'PATCH';
  body?: unknown;
  query?: Record<string, string | undefined>;
  signal?: AbortSignal;
  /** How long to wait for the answer, ms. */
  timeout_ms?: number;
}

const TIMEOUT_MS = 30_000;

/** One call; resolves to the JSON of the answer, null for an empty one. */
export async function call<T>(target: Target, path: string, options: CallOptions = {}): Promise<T> {
  const response = await request(target, path, { accept: 'application/json' }, options);
  const text = await response.text();
  if (!response.ok) throw refused(response.status, text);
  try {
    return (text === '' ? null : JSON.parse(text)) as T;
  } catch {
    throw new CliError(`${target.url} does not answer as a Postrider does (no JSON). Is --url right?`);
  }
}

/** The bare response; rejects only when no server answers. */
export async function request(
  target: Target,
  path: string,
  headers: Record<string, string>,
  options: CallOptions = {},
): Promise<Response> {
  const url = new URL(`${target.url}${path}`);
  for (const [name, value] of Object.entries(options.query ?? {}))
    if (value !== undefined) url.searchParams.set(name, value);
  const timeout = AbortSignal.timeout(options.timeout_ms ?? TIMEOUT_MS);
  try {
    return await fetch(url, {
      method: options.method ?? 'GET',
      redirect: 'manual',
      headers: {
        ...headers,
        ...(target.key === '' ? {} : { authorization: `Bearer ${target.key}` }),
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: options.body === undefined ? null : JSON.stringify(options.body),
      signal: options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]),
    });
  } catch (error) {
    throw unreachable(target, error as Error);
  }
}

function unreachable(target: Target, error: Error): CliError {
  const why = error.cause instanceof Error ? error.cause.message : error.message;
  return new CliError(
    `No server answers at ${target.url}${why === '' ? '' : ` (${why})`}. Start one with \`npm start\`, or name another with --url.`,
    EXIT.unreachable,
    { cause: error },
  );
}

/** A refusal in the server's words, field by field, with the remedy of the catalogue. */
export function refused(status: number, text: string): CliError {
  const problem = parseProblem(text);
  if (problem === null) return new CliError(`The server answered ${status}: ${text.slice(0, 300)}`);
  const fields = problem.errors
    .slice(0, 20)
    .map(({ path, message }) => `\n  ${path || '(body)'}: ${message}`);
  const remedy = problem.code in ERRORS ? `\n${ERRORS[problem.code].remedy}` : '';
  return new CliError(`${problem.title} (${problem.code}): ${problem.detail}${fields.join('')}${remedy}`);
}

function parseProblem(text: string): Problem | null {
  try {
    const problem = JSON.parse(text) as Partial<Problem> | null;
    if (problem === null || typeof problem.code !== 'string') return null;
    return {
      type: '',
      title: problem.title ?? '',
      status: problem.status ?? 0,
      code: problem.code,
      detail: problem.detail ?? '',
      errors: Array.isArray(problem.errors) ? problem.errors : [],
    };
  } catch {
    return null;
  }
}
