import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { JsonSchema } from '@postrider/contract/schemas/json-schema';
import { compileSchema } from './validator.ts';

const folder = new URL('../../../contract/src/schemas/', import.meta.url);
const schemas: [name: string, schema: JsonSchema][] = [];
for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))) {
  const module = (await import(new URL(file, folder).href)) as Record<string, unknown>;
  for (const [name, value] of Object.entries(module))
    if (name.endsWith('Schema') && typeof value === 'object')
      schemas.push([`${file} ${name}`, value as JsonSchema]);
}

/** Every object in `schema` that says which members it has, by its place. */
function* objects(schema: unknown, at: string): Generator<[at: string, schema: JsonSchema]> {
  if (typeof schema !== 'object' || schema === null) return;
  const node = schema as JsonSchema;
  if (node.properties !== undefined) yield [at, node];
  for (const [name, value] of Object.entries(node))
    if (name !== 'example') yield* objects(value, `${at}/${name}`);
}

describe.each(schemas)('%s', (_name, schema) => {
  it('compiles strictly', () => {
    expect(compileSchema(schema)(undefined)).not.toEqual([]);
  });

  it('refuses unknown members wherever it names members', () => {
    const open = [...objects(schema, '')].filter(([, node]) => node.additionalProperties !== false);
    expect(open.map(([at]) => at)).toEqual([]);
  });
});

it('covers the bodies and answers of the API', () => {
  expect(schemas.length).toBeGreaterThan(40);
});

it('gives examples that fit', () => {
  const withExample = schemas.filter(([, schema]) => schema.example !== undefined);
  expect(withExample.length).toBeGreaterThan(3);
  for (const [name, schema] of withExample)
    expect([name, compileSchema(schema)(schema.example)]).toEqual([name, []]);
});
