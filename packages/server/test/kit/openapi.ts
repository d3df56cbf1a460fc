/** The routes of a running server, as its OpenAPI document tells them, so that tests cover routes that they do not name. */

import type { Api } from './api.ts';

export type Access = 'public' | 'any' | 'send' | 'read' | 'manage' | 'admin';
export type Schema = { [keyword: string]: unknown };

export interface Operation {
  method: string;
  /** With `{name}` for each path parameter. */
  path: string;
  access: Access;
  sandboxOnly: boolean;
  /** What kind of thing each path parameter names. */
  kinds: Record<string, string>;
  query: string[];
  body: { contentType: string; schema: Schema } | null;
  /** The answer does not end. */
  stream: boolean;
}

interface Described {
  'x-access': Access;
  'x-sandbox-only'?: boolean;
  'x-kinds'?: Record<string, string>;
  parameters?: { in: string; name: string }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, unknown> }>;
}

export async function operations(api: Api): Promise<Operation[]> {
  const { paths } = await api.get<{ paths: Record<string, Record<string, Described>> }>('/openapi.json');
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => operation(method.toUpperCase(), path, described)),
  );
}

function operation(method: string, path: string, described: Described): Operation {
  const [content] = Object.entries(described.requestBody?.content ?? {});
  return {
    method,
    path,
    access: described['x-access'],
    sandboxOnly: described['x-sandbox-only'] === true,
    kinds: described['x-kinds'] ?? {},
    query: (described.parameters ?? []).filter((one) => one.in === 'query').map((one) => one.name),
    body: content === undefined ? null : { contentType: content[0], schema: content[1].schema },
    stream: Object.values(described.responses).some(
      (answer) => 'text/event-stream' in (answer.content ?? {}),
    ),
  };
}

/**
 * Bodies that fit `schema`, one for each of its variants: its example, or what it requires. Every member that takes
 * an identifier gets the one that `idOf` has for its prefix.
 */
export function bodiesFor(schema: Schema, idOf: (prefix: string) => string | null): unknown[] {
  const variants = schema['anyOf'] as Schema[] | undefined;
  if (variants !== undefined) return variants.flatMap((variant) => bodiesFor(variant, idOf));
  return [bodyFor(schema, idOf)];
}

function bodyFor(schema: Schema, idOf: (prefix: string) => string | null): unknown {
  const prefix = prefixOf(schema);
  const id = prefix === null ? null : idOf(prefix);
  if (id !== null) return id;
  const types = [schema['type']].flat();
  if (types.includes('object')) return objectFor(schema, idOf);
  if (schema['example'] !== undefined) return schema['example'];
  if (schema['enum'] !== undefined) return (schema['enum'] as unknown[])[0];
  if (types.includes('array')) return [bodyFor(schema['items'] as Schema, idOf)];
  if (types.includes('number') || types.includes('integer'))
    return Math.max(1, Number(schema['minimum'] ?? 1));
  if (types.includes('boolean')) return true;
  return 'text';
}

function objectFor(schema: Schema, idOf: (prefix: string) => string | null): Record<string, unknown> {
  const properties = (schema['properties'] ?? {}) as Record<string, Schema>;
  const required = new Set((schema['required'] ?? []) as string[]);
  const body: Record<string, unknown> = { ...(schema['example'] as object | undefined) };
  for (const [name, property] of Object.entries(properties)) {
    const takesId = prefixOf(property) !== null;
    if (takesId || (required.has(name) && body[name] === undefined)) body[name] = bodyFor(property, idOf);
    if (body[name] === 'text' && takesId) delete body[name];
  }
  return body;
}

/** The prefix of the identifiers that a member takes; null when it takes none. */
function prefixOf(schema: Schema): string | null {
  const pattern = schema['pattern'];
  return typeof pattern === 'string' ? (/^\^([a-z]+)_/.exec(pattern)?.[1] ?? null) : null;
}
