import { describe, expect, it } from 'vitest';
import { endpointCreateBodySchema, endpointPatchBodySchema } from '@postrider/contract/schemas/endpoint';
import { eventsBodySchema } from '@postrider/contract/schemas/event';
import { objectSchema, pageSchema, TIME } from '@postrider/contract/schemas/json-schema';
import { messageBodySchema } from '@postrider/contract/schemas/message';
import { PostriderError } from './errors.ts';
import { assertValid, compileSchema } from './validator.ts';

const message = compileSchema(messageBodySchema);
const events = compileSchema(eventsBodySchema);
const endpoint = compileSchema(endpointCreateBodySchema);
const MAIL = { from: 'a@example.com', to: 'b@example.com', subject: 'Hi', text: 'Hi' };

describe('compileSchema', () => {
  it('takes what fits, in every form of a mailbox', () => {
    expect(message(MAIL)).toEqual([]);
    expect(message({ ...MAIL, to: { email: 'b@example.com', name: 'B' } })).toEqual([]);
    expect(message({ ...MAIL, to: ['b@example.com', { email: 'c@example.com' }], cc: null })).toEqual([]);
  });

  it('names every field that does not fit, and changes nothing', () => {
    const body = {
      ...MAIL,
      from: 1,
      to: ['x@example.com', { email: 'y@example.com', nme: 'Y' }],
      track: { opens: 'yes' },
    };
    const before = structuredClone(body);
    expect(message(body).map(({ path }) => path)).toEqual(['/from', '/to/1/nme', '/track/opens']);
    expect(body).toEqual(before);
  });

  it('coerces nothing', () => {
    expect(message({ ...MAIL, subject: 7 })).toEqual([{ path: '/subject', message: 'must be a string' }]);
    expect(endpoint({ url: 'https://example.com', timeout_ms: '5000' })).toEqual([
      { path: '/timeout_ms', message: 'must be a whole number' },
    ]);
  });

  it('tells what is missing by its path', () => {
    expect(message({ to: 'b@example.com', subject: '' })).toEqual([
      { path: '/from', message: 'is missing; it is required' },
    ]);
  });

  it('names unknown fields and the known ones', () => {
    const [error] = message({ ...MAIL, subjct: 'x' });
    expect(error?.path).toBe('/subjct');
    expect(error?.message).toContain('is an unknown field');
    expect(error?.message).toContain('subject');
  });

  it('says what to do instead of fields that are known but not supported', () => {
    const errors = message({ ...MAIL, template_id: 'tpl_1', variables: {} });
    expect(errors.map(({ path }) => path)).toEqual(['/template_id', '/variables']);
    expect(errors[0]?.message).toMatch(/^is not supported; fill in the template/);
  });

  it('refuses prototype keys as the unknown fields they are', () => {
    const body: unknown = JSON.parse(
      '{"url":"https://example.com","__proto__":{"admin":true},"constructor":1}',
    );
    expect(endpoint(body).map(({ path }) => path)).toEqual(['/__proto__', '/constructor']);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it('escapes and shortens names in paths', () => {
    const [error] = message({ ...MAIL, [`a/b~${'c'.repeat(1000)}`]: 1 });
    expect(error?.path).toMatch(/^\/a~1b~0c+…$/);
    expect(error?.path.length).toBeLessThan(120);
  });

  it('tells about the branch that was meant', () => {
    expect(events({ event_type: 'delivered' })).toEqual([
      { path: '/event_type', message: expect.stringContaining('must be `custom.`') as string },
    ]);
    expect(events({ events: [{ event_type: 'custom.a' }, { event_type: 'custom.b', dat: {} }] })).toEqual([
      { path: '/events/1/dat', message: expect.stringContaining('unknown field') as string },
    ]);
    expect(events([])).toEqual([{ path: '', message: 'must be an object' }]);
  });

  it('checks the names and values of free headers', () => {
    const url = 'https://example.com';
    expect(endpoint({ url, headers: { 'x-a': 'b' } })).toEqual([]);
    expect(endpoint({ url, headers: { 'x a': 'b' } }).map(({ path }) => path)).toEqual(['/headers/x a']);
    for (const value of ['a\r\nb', 'a\nb', 'a\0', ' a', 'a ', 'é'])
      expect(endpoint({ url, headers: { 'x-a': value } }).map(({ path }) => path)).toEqual(['/headers/x-a']);
  });

  it('wants something in a change', () => {
    expect(compileSchema(endpointPatchBodySchema)({})).toEqual([
      { path: '', message: 'must name at least one field' },
    ]);
  });

  it('knows real times from others', () => {
    const check = compileSchema(objectSchema({ at: TIME }));
    for (const at of ['2026-04-19T14:32:00Z', '2026-04-19T14:32:00.123456+05:30', '2024-02-29T00:00:00Z'])
      expect(check({ at })).toEqual([]);
    for (const at of [
      '2026-04-19',
      '2026-04-19T14:32:00',
      '2026-02-30T00:00:00Z',
      '2026-02-29T00:00:00Z',
      '2026-04-19T24:00:00Z',
      '2026-13-01T00:00:00Z',
      '2026-04-19T14:32:60Z',
      'now',
    ])
      expect(check({ at })).toHaveLength(1);
  });

  it('keeps at most 50 errors', () => {
    expect(message({ ...MAIL, tags: Array.from({ length: 50 }, () => 1), headers: { a: 1 } })).toHaveLength(
      50,
    );
  });

  it('stops at the first error of a large value, and bears deep ones', () => {
    const list = compileSchema(pageSchema({ type: 'string' }));
    expect(list({ data: Array.from({ length: 200_000 }, () => 1), next_cursor: null })).toEqual([
      { path: '/data/0', message: 'must be a string' },
    ]);
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(message({ ...MAIL, from: deep }).map(({ path }) => path)).toEqual(['/from']);
  });

  it('refuses a schema that is wrong itself', () => {
    expect(() => compileSchema({ type: 'object', propertees: {} })).toThrow(/propertees/);
  });
});

describe('assertValid', () => {
  it('throws validation_failed with all errors', () => {
    expect(() => assertValid(message, MAIL)).not.toThrow();
    try {
      assertValid(message, { subject: 1 });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(PostriderError);
      expect((error as PostriderError).code).toBe('validation_failed');
      expect((error as PostriderError).errors.map(({ path }) => path)).toEqual(['/from', '/subject']);
    }
  });
});
