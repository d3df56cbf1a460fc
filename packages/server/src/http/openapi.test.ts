import { beforeAll, describe, expect, test } from 'vitest';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { DOOR_DEFAULTS } from './door-config.ts';
import { HttpDoor } from './door.ts';
import { fakeServices } from './test-kit/fake-services.ts';

interface Operation {
  'x-access': string;
  'x-scopes': string[];
  'x-kinds'?: Record<string, string>;
  'x-idempotent'?: boolean;
  operationId: string;
  security?: unknown[];
  parameters?: { in: string; name: string }[];
  requestBody?: { required?: boolean; content: Record<string, { schema: object }> };
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

let document: Document;
let operations: { path: string; method: string; operation: Operation }[];
beforeAll(async () => {
  const silent = (): void => {};
  const door = new HttpDoor({
    services: fakeServices(),
    config: DOOR_DEFAULTS,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    metricsPage: { contentType: 'text/plain', metrics: async () => '' },
    metrics: null,
    version: '1.2.3',
  });
  document = (await door.openApi()) as Document;
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
});

describe('the OpenAPI document', () => {
  test('is of version 3.1 and has every call of the door', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document).toMatchObject({ info: { title: 'Postrider', version: '1.2.3' } });
    expect(operations.length).toBeGreaterThan(40);
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
  });

  test('every call says who may make it', () => {
    for (const { path, operation } of operations) {
      const { 'x-access': access, 'x-scopes': scopes } = operation;
      expect(['public', 'any', 'send', 'read', 'manage', 'admin']).toContain(access);
      expect(scopes).toEqual(access === 'public' || access === 'any' ? [] : [access]);
      if (path.startsWith('/v1/')) expect(access).not.toBe('public');
      else expect(operation.security).toEqual([]);
    }
  });

  test('every path parameter says what kind of thing it names', () => {
    for (const { path, operation } of operations) {
      const names = [...path.matchAll(/\{([a-z_]+)\}/g)].map((match) => match[1]);
      expect(Object.keys(operation['x-kinds'] ?? {})).toEqual(names);
      expect((operation.parameters ?? []).filter((one) => one.in === 'path').map((one) => one.name)).toEqual(
        names,
      );
    }
  });

  test('calls that make something take an Idempotency-Key', () => {
    const creating = operations.filter(({ operation }) => operation['x-idempotent']).map(({ path }) => path);
    expect(creating.sort()).toEqual([
      '/v1/api-keys',
      '/v1/endpoints',
      '/v1/events',
      '/v1/messages',
      '/v1/messages/batch',
      '/v1/projects',
      '/v1/replays',
      '/v1/suppressions',
      '/v1/suppressions/import',
    ]);
  });

  test('every schema compiles, and every error is a problem', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ ...document, $id: 'document' });
    let compiled = 0;
    for (const { path, method, operation } of operations) {
      expect(operation.responses['default']?.content?.['application/problem+json']).toBeDefined();
      for (const [index, entry] of Object.entries({ ...operation.responses, body: operation.requestBody }))
        for (const type of Object.keys(entry?.content ?? {})) {
          const place = index === 'body' ? 'requestBody' : `responses/${index}`;
          const pointer = [path, method]
            .map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1'))
            .join('/');
          const fragment = `/paths/${pointer}/${place}/content/${type.replaceAll('/', '~1')}/schema`;
          expect(() => ajv.compile({ $ref: `document#${encodeURI(fragment)}` })).not.toThrow();
          compiled++;
        }
    }
    expect(compiled).toBeGreaterThan(80);
  });
});
