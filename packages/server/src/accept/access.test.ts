import { beforeEach, describe, expect, it } from 'vitest';
import { PostriderError } from '../domain/errors.ts';
import type { ApiKey } from '../domain/tenancy.ts';
import { Access, SETTINGS_KEY_ID } from './access.ts';
import { FakeStore, LIVE, NOW, refusal, SANDBOX } from './testing/fakes.ts';

const KEY = { key: 'k', fingerprint: 'f', now: NOW };
const ADMIN = `pr_admin_${'a'.repeat(43)}`;
const INPUT = { name: 'ci', scopes: ['read', 'send'] as const };

let store: FakeStore;
let wall: number;
let access: Access;

function start(): Access {
  return new Access({
    store,
    seal: { seal: (plain) => `sealed:${plain}`, open: (sealed) => sealed.slice('sealed:'.length) },
    clocks: { wallNow: () => wall },
    adminKey: ADMIN,
  });
}

beforeEach(() => {
  store = new FakeStore();
  wall = NOW;
  access = start();
});

describe('API keys', () => {
  it('open their environment with their scopes', async () => {
    const live = await access.createApiKey(LIVE.env, INPUT, null);
    const sandbox = await access.createApiKey(SANDBOX.env, INPUT, null);
    expect(live.secret).toMatch(/^pr_live_[A-Za-z0-9_-]{43}$/);
    expect(sandbox.secret).toMatch(/^pr_test_[A-Za-z0-9_-]{43}$/);
    expect(live.key).toMatchObject({ env: LIVE.env, name: 'ci', scopes: ['send', 'read'], revoked_at: null });
    expect(live.secret.startsWith(live.key.prefix)).toBe(true);
    expect(live.key.prefix).toHaveLength(13);
    expect(await access.authenticate(live.secret)).toEqual({
      key_id: live.key.key_id,
      environment: LIVE,
      scopes: ['send', 'read'],
    });
    expect(await access.authenticate(sandbox.secret)).toMatchObject({ environment: SANDBOX });
  });

  it('are nowhere in the store as they are', async () => {
    const { secret } = await access.createApiKey(LIVE.env, INPUT, null);
    expect(JSON.stringify(store.keys)).not.toContain(secret);
    expect(store.keys[0]?.sealed).toBeNull();
  });

  it('are told again to a repeated call, and made once', async () => {
    const first = await access.createApiKey(LIVE.env, INPUT, KEY);
    const again = await access.createApiKey(LIVE.env, INPUT, KEY);
    expect(again).toEqual({ ...first, replayed: true });
    expect(store.keys).toHaveLength(1);
  });

  it('are refused from the moment they are revoked', async () => {
    const { key, secret } = await access.createApiKey(LIVE.env, INPUT, null);
    expect(await access.authenticate(secret)).not.toBeNull();
    await access.revokeApiKey(LIVE.env, key.key_id);
    expect(await access.authenticate(secret)).toBeNull();
  });

  it('are not remembered by a look-up that a revocation overtakes', async () => {
    const { key, secret } = await access.createApiKey(LIVE.env, INPUT, null);
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const find = store.findApiKey.bind(store);
    store.findApiKey = async (hash): Promise<ApiKey | null> => {
      const found = await find(hash);
      await promise;
      return found;
    };
    const early = access.authenticate(secret);
    await access.revokeApiKey(LIVE.env, key.key_id);
    resolve(undefined);
    await early;
    expect(await access.authenticate(secret)).toBeNull();
  });

  it('are refused soon when they are revoked past this process', async () => {
    const { key, secret } = await access.createApiKey(LIVE.env, INPUT, null);
    await access.authenticate(secret);
    await store.revokeApiKey(LIVE.env, key.key_id, wall);
    wall += 30_001;
    expect(await access.authenticate(secret)).toBeNull();
  });

  it('in use are looked up again beside a request', async () => {
    const { key, secret } = await access.createApiKey(LIVE.env, INPUT, null);
    await access.authenticate(secret);
    await store.revokeApiKey(LIVE.env, key.key_id, wall);
    wall += 5001;
    expect(await access.authenticate(secret)).not.toBeNull();
    expect(store.lookUps).toBe(2);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await access.authenticate(secret)).toBeNull();
  });

  it('in use do not wait for a store that fails, until they are too old', async () => {
    const { secret } = await access.createApiKey(LIVE.env, INPUT, null);
    await access.authenticate(secret);
    store.findApiKey = () => Promise.reject(new PostriderError('storage_unavailable', 'no disk'));
    wall += 5001;
    expect(await access.authenticate(secret)).not.toBeNull();
    wall += 25_000;
    expect((await refusal(() => access.authenticate(secret))).code).toBe('storage_unavailable');
  });

  it('are looked up once, however many ask at the same time', async () => {
    const { secret } = await access.createApiKey(LIVE.env, INPUT, null);
    await Promise.all(Array.from({ length: 50 }, () => access.authenticate(secret)));
    await access.authenticate(secret);
    expect(store.lookUps).toBe(1);
  });

  it('of another project or environment cannot be revoked', async () => {
    const { key, secret } = await access.createApiKey(LIVE.env, INPUT, null);
    expect((await refusal(() => access.revokeApiKey(SANDBOX.env, key.key_id))).code).toBe('not_found');
    expect(await access.authenticate(secret)).not.toBeNull();
  });

  it.each([
    '',
    'pr_live_',
    `pr_live_${'x'.repeat(43)}`,
    `pr_admin_${'b'.repeat(43)}`,
    'Bearer x',
    'x'.repeat(100_000),
    `pr_live_${'x'.repeat(42)}\0`,
    "' OR 1=1 --",
    '\ud800',
  ])('that were never made open nothing: %j', async (text) => {
    expect(await access.authenticate(text)).toBeNull();
  });

  it('do not look anything up that cannot be a key', async () => {
    for (const text of ['', 'x', 'pr_live_', `pr_live_${'x'.repeat(44)}`, `pr_live_${'x'.repeat(42)}*`])
      await access.authenticate(text);
    expect(store.lookUps).toBe(0);
  });

  it.each<[string, { name: unknown; scopes: unknown[] }, string]>([
    ['an empty name', { name: ' ', scopes: [] }, '/name'],
    ['a long name', { name: 'x'.repeat(101), scopes: [] }, '/name'],
    ['LF in the name', { name: 'a\nb', scopes: [] }, '/name'],
    ['a number as name', { name: 5, scopes: [] }, '/name'],
    ['an unknown scope', { name: 'x', scopes: ['send', 'root'] }, '/scopes/1'],
  ])('are not made with %s', async (_name, input, path) => {
    const error = await refusal(() =>
      access.createApiKey(LIVE.env, input as Parameters<Access['createApiKey']>[1], null),
    );
    expect(error.errors.map((fault) => fault.path)).toEqual([path]);
    expect(store.keys).toHaveLength(0);
  });

  it('are not made for an environment that is not there', async () => {
    expect((await refusal(() => access.createApiKey(99, INPUT, null))).code).toBe('not_found');
  });
});

describe('an administrator', () => {
  it('comes in with the key of the settings, which is nowhere in the store', async () => {
    expect(await access.authenticate(ADMIN)).toEqual({ admin: true, key_id: SETTINGS_KEY_ID });
    expect(store.lookUps).toBe(0);
  });

  it('has no key when the settings name none', async () => {
    const none = new Access({ store, seal: { seal: String, open: String }, clocks: { wallNow: () => wall } });
    expect(await none.authenticate(ADMIN)).toBeNull();
    expect(await none.authenticate('')).toBeNull();
  });

  it('may have more keys', async () => {
    const { key, secret } = await access.createApiKey(null, { name: 'ops', scopes: [] }, null);
    expect(secret).toMatch(/^pr_admin_[A-Za-z0-9_-]{43}$/);
    expect(await access.authenticate(secret)).toEqual({ admin: true, key_id: key.key_id });
  });

  it('makes projects with their environments, whose keys work at once', async () => {
    const made = await access.createProject('Shop', null);
    expect(made.project.project_id).toMatch(/^prj_/);
    expect(await access.listProjects()).toEqual([{ project: made.project, environments: made.environments }]);
    const sandbox = made.environments.find(({ name }) => name === 'sandbox');
    const { secret } = await access.createApiKey(sandbox?.env ?? -1, INPUT, null);
    expect(await access.authenticate(secret)).toMatchObject({ environment: sandbox });
    expect((await refusal(() => access.createProject('', null))).errors[0]?.path).toBe('/name');
  });
});
