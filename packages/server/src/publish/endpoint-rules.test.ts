import type { FieldError } from '@postrider/contract/errors';
import { describe, expect, it } from 'vitest';
import { PostriderError } from '../domain/errors.ts';
import { AddressRules } from './address.ts';
import { readCreate, readPatch, sampleProblem, type EndpointPolicy } from './endpoint-rules.ts';
import { anEndpoint } from './testing/fixtures.ts';

const policy: EndpointPolicy = {
  addresses: new AddressRules({ loopback: false, allow: [] }),
  url: { plainHttpOnLoopback: false, maxBytes: 2048 },
  headerBytes: 1000,
  filterBytes: 200,
};
const url = 'https://example.com/hook';

function errorsOf(read: () => unknown): FieldError[] {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(PostriderError);
    return (error as PostriderError).errors;
  }
  return [];
}
const refused = (body: object): FieldError[] => errorsOf(() => readCreate({ url, ...body }, policy));
const paths = (errors: FieldError[]): string[] => errors.map(({ path }) => path);

describe('filter', () => {
  it('is taken when it can be read', () => {
    expect(refused({ filter: { 'data.bounce_type': 'hard', tags: { $in: ['vip'] } } })).toEqual([]);
    expect(refused({ filter: null })).toEqual([]);
    expect(refused({ filter: {} })).toEqual([]);
  });

  it('is refused with the place of everything that is wrong', () => {
    const filter = { $or: [{ event_type: 'open' }, { 'data.x': { $regex: 'a' } }], bounce_type: 'hard' };
    expect(paths(refused({ filter }))).toEqual(['/filter/$or/1/data.x/$regex', '/filter/bounce_type']);
    const patch = errorsOf(() => readPatch({ filter }, policy, anEndpoint(1, url)));
    expect(patch).toEqual(refused({ filter }));
  });

  it('has a size', () => {
    const [error] = refused({ filter: { 'data.x': 'y'.repeat(200) } });
    expect(error).toMatchObject({ path: '/filter', message: expect.stringContaining('limits.filter_bytes') });
  });
});

describe('dialect', () => {
  it('without batches refuses them by name', () => {
    const batch = { max_events: 10, max_wait_ms: 10 };
    for (const dialect of ['sendarix', 'sendarix_compact', 'sentinmail', 'sendook'] as const) {
      const error = refused({ dialect, batch }).find(({ message }) => message.includes('no batches'));
      expect(error?.path).toBe('/batch');
      expect(error?.message).toContain(dialect);
      expect(error?.message).toContain('postrider and cloudevents');
    }
    const patch = errorsOf(() => readPatch({ dialect: 'sendook' }, policy, anEndpoint(1, url, { batch })));
    expect(paths(patch)).toEqual(['/dialect']);
    for (const dialect of ['postrider', 'cloudevents'] as const)
      expect(refused({ dialect, batch }).filter(({ message }) => message.includes('no batches'))).toEqual([]);
  });

  it('with a closed list refuses types that it cannot tell', () => {
    const [error, ...others] = refused({
      dialect: 'sendook',
      event_types: ['delivered', 'deferred', 'inbox.*', '*'],
    });
    expect(error?.path).toBe('/event_types/1');
    expect(error?.message).toMatch(/deferred.*sendook.*accepted, delivered/);
    expect(others).toEqual([]);
    expect(paths(refused({ dialect: 'sentinmail', event_types: ['custom.*'] }))).toEqual(['/event_types/0']);
  });

  it('open to other types takes them', () => {
    for (const dialect of ['sendarix', 'cloudevents'] as const)
      expect(refused({ dialect, event_types: ['custom.*', 'dropped', 'endpoint.*'] })).toEqual([]);
  });

  it('is checked against what stays in a patch', () => {
    const current = anEndpoint(1, url, { dialect: 'sendook', event_types: ['accepted'] });
    expect(readPatch({ dialect: 'postrider' }, policy, current)).toEqual({ dialect: 'postrider' });
    expect(paths(errorsOf(() => readPatch({ event_types: ['open'] }, policy, current)))).toEqual([
      '/event_types/0',
    ]);
    expect(paths(errorsOf(() => readPatch({ dialect: 'sentinmail' }, policy, current)))).toEqual([
      '/dialect',
    ]);
    const both = { dialect: 'sentinmail', event_types: ['open'] };
    expect(readPatch(both, policy, current)).toEqual(both);
  });

  it('has samples of what it can tell only', () => {
    expect(sampleProblem('sendook', 'deferred')).toContain('sendook');
    expect(sampleProblem('sendook', 'bounce')).toBeNull();
    expect(sampleProblem('sendarix', 'dropped')).toBeNull();
    expect(sampleProblem('postrider', 'custom.a')).toBeNull();
  });
});
