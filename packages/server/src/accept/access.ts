/** Who may come in: projects with their two environments, and the keys that open them. */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { MAX_NAME } from '@postrider/contract/schemas/limits';
import { newId } from '../base/ids.ts';
import { notFound } from '../domain/errors.ts';
import {
  SCOPES,
  type ApiKey,
  type Caller,
  type Environment,
  type Project,
  type Scope,
} from '../domain/tenancy.ts';
import type { AccessStore, Idempotency, Idempotent, Page, PageRequest } from '../store/ports.ts';
import { Faults } from './faults.ts';
import { lineTrouble } from './text-rules.ts';

export type KeyStore = Pick<
  AccessStore,
  | 'createProject'
  | 'listProjects'
  | 'listEnvironments'
  | 'createApiKey'
  | 'listApiKeys'
  | 'revokeApiKey'
  | 'findApiKey'
>;

export interface AccessSettings {
  store: KeyStore;
  /** Seals a new key for its idempotency record, and opens it when the call is repeated. */
  seal: { seal(plain: string): string; open(sealed: string): string };
  clocks: { wallNow(): number };
  /** The administrator's key of the settings; null or empty when there is none. */
  adminKey?: string | null;
}

export interface AdminCaller {
  admin: true;
  key_id: string;
}
export interface ProjectWithEnvironments {
  project: Project;
  environments: Environment[];
}
export interface CreatedApiKey {
  key: ApiKey;
  /** The key itself; it cannot be shown again. */
  secret: string;
}

/** `key_id` of the administrator's key that comes from the settings. */
export const SETTINGS_KEY_ID = 'settings';

const KEY_BYTES = 32;
const API_KEY = /^pr_(?:live|test|admin)_[A-Za-z0-9_-]{43}$/;
const ADMIN_PREFIX = 'pr_admin_';
const MAX_KEY_LENGTH = 512;
/** Callers remembered. One costs about 500 bytes. */
const CACHE_SIZE = 10_000;
/**
 * A key revoked here is refused at once. One revoked past this process (by a tool on the same store, or another
 * node) is looked up again after `FRESH_MS`, beside the request that asks, which need not wait for it; a key that
 * nobody has asked for within `KEPT_MS` is waited for.
 */
const FRESH_MS = 5000;
const KEPT_MS = 30_000;

interface Remembered {
  key_id: string;
  caller: Caller | AdminCaller;
  /** Wall clock, ms. */
  at: number;
}

export class Access {
  readonly #settings: AccessSettings;
  readonly #adminHash: Buffer | null;
  readonly #callers = new Map<string, Remembered>();
  readonly #underWay = new Map<string, Promise<Caller | AdminCaller | null>>();
  readonly #environments = new Map<number, Environment>();
  /** Grows with each revocation, so that a look-up that began before one is not remembered after it. */
  #revocations = 0;

  constructor(settings: AccessSettings) {
    this.#settings = settings;
    const adminKey = settings.adminKey ?? '';
    this.#adminHash = adminKey === '' ? null : sha256(adminKey);
  }

  /** Who presents this key; null when no such key is valid. Never tells why. */
  async authenticate(presented: string): Promise<Caller | AdminCaller | null> {
    if (presented.length > MAX_KEY_LENGTH) return null;
    const digest = sha256(presented);
    if (this.#adminHash !== null && timingSafeEqual(digest, this.#adminHash))
      return { admin: true, key_id: SETTINGS_KEY_ID };
    if (!API_KEY.test(presented)) return null;
    const hash = digest.toString('hex');
    const known = this.#callers.get(hash);
    const age = known === undefined ? Infinity : this.#settings.clocks.wallNow() - known.at;
    if (known === undefined || age > KEPT_MS) return this.#lookUpOnce(hash, presented);
    // A failure shows when the entry is too old to be used and the next look-up is waited for.
    if (age > FRESH_MS) this.#lookUpOnce(hash, presented).catch(() => undefined);
    return known.caller;
  }

  #lookUpOnce(hash: string, presented: string): Promise<Caller | AdminCaller | null> {
    let lookUp = this.#underWay.get(hash);
    if (lookUp === undefined) {
      lookUp = this.#lookUp(hash, presented).finally(() => this.#underWay.delete(hash));
      this.#underWay.set(hash, lookUp);
    }
    return lookUp;
  }

  async #lookUp(hash: string, presented: string): Promise<Caller | AdminCaller | null> {
    const before = this.#revocations;
    const key = await this.#settings.store.findApiKey(hash);
    const caller = key === null || key.revoked_at !== null ? null : await this.#callerOf(key, presented);
    if (caller === null || key === null) {
      this.#callers.delete(hash);
      return null;
    }
    if (before === this.#revocations) this.#remember(hash, key.key_id, caller);
    return caller;
  }

  async #callerOf(key: ApiKey, presented: string): Promise<Caller | AdminCaller | null> {
    // The stored row decides; the text of the key must agree with it.
    if (key.env === null)
      return presented.startsWith(ADMIN_PREFIX) ? { admin: true, key_id: key.key_id } : null;
    const environment = await this.#environment(key.env);
    if (environment === null || !presented.startsWith(keyPrefix(environment))) return null;
    return { key_id: key.key_id, environment, scopes: key.scopes };
  }

  #remember(hash: string, key_id: string, caller: Caller | AdminCaller): void {
    this.#callers.delete(hash);
    if (this.#callers.size >= CACHE_SIZE) {
      const oldest = this.#callers.keys().next();
      if (!oldest.done) this.#callers.delete(oldest.value);
    }
    this.#callers.set(hash, { key_id, caller, at: this.#settings.clocks.wallNow() });
  }

  async #environment(env: number): Promise<Environment | null> {
    if (!this.#environments.has(env))
      for (const environment of await this.#settings.store.listEnvironments())
        this.#environments.set(environment.env, environment);
    return this.#environments.get(env) ?? null;
  }

  /** Makes a project with its `live` and `sandbox` environments. `conflict` when the name is taken. */
  async createProject(
    name: string,
    idempotency: Idempotency | null,
  ): Promise<Idempotent<ProjectWithEnvironments>> {
    checkName(name);
    const project = { project_id: newId('prj'), name, created_at: this.#settings.clocks.wallNow() };
    return this.#settings.store.createProject(project, idempotency);
  }

  async listProjects(): Promise<ProjectWithEnvironments[]> {
    const [projects, environments] = await Promise.all([
      this.#settings.store.listProjects(),
      this.#settings.store.listEnvironments(),
    ]);
    return projects.map((project) => ({
      project,
      environments: environments.filter(({ project_id }) => project_id === project.project_id),
    }));
  }

  /**
   * Makes a key of an environment, or with `env` null an administrator's. A repeated call with the same
   * idempotency key answers with the same secret.
   */
  async createApiKey(
    env: number | null,
    input: { name: string; scopes: readonly Scope[] },
    idempotency: Idempotency | null,
  ): Promise<Idempotent<CreatedApiKey>> {
    checkName(input.name);
    const scopes = checkScopes(input.scopes);
    const environment = env === null ? null : await this.#environment(env);
    if (env !== null && environment === null) throw notFound('environment', String(env));
    const start = environment === null ? ADMIN_PREFIX : keyPrefix(environment);
    const secret = start + randomBytes(KEY_BYTES).toString('base64url');
    const made = await this.#settings.store.createApiKey(
      {
        key_id: newId('key'),
        env,
        name: input.name,
        scopes,
        prefix: secret.slice(0, start.length + 5),
        hash: sha256(secret).toString('hex'),
        sealed: idempotency === null ? null : this.#settings.seal.seal(secret),
        created_at: this.#settings.clocks.wallNow(),
      },
      idempotency,
    );
    const first = made.replayed && made.sealed !== null ? this.#settings.seal.open(made.sealed) : secret;
    return { key: made.key, secret: first, replayed: made.replayed };
  }

  listApiKeys(env: number | null, page: PageRequest): Promise<Page<ApiKey>> {
    return this.#settings.store.listApiKeys(env, page);
  }

  /** The key is refused from the moment this resolves. `not_found` when it is not of this environment. */
  async revokeApiKey(env: number | null, key_id: string): Promise<ApiKey> {
    const key = await this.#settings.store.revokeApiKey(env, key_id, this.#settings.clocks.wallNow());
    this.#revocations++;
    for (const [hash, known] of this.#callers) if (known.key_id === key_id) this.#callers.delete(hash);
    return key;
  }
}

function keyPrefix(environment: Environment): string {
  return environment.name === 'live' ? 'pr_live_' : 'pr_test_';
}

/** Keys are 256 random bits, so one round of a fast hash hides them as well as many of a slow one. */
function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function checkName(name: unknown): void {
  const faults = new Faults();
  if (typeof name !== 'string' || name.trim() === '') faults.add('/name', 'must be a name that is not empty');
  else if (name.length > MAX_NAME) faults.add('/name', `is longer than ${MAX_NAME} characters`);
  else {
    const trouble = lineTrouble(name);
    if (trouble !== null) faults.add('/name', trouble);
  }
  faults.throwIfAny();
}

function checkScopes(scopes: readonly unknown[]): Scope[] {
  const faults = new Faults();
  const known: ReadonlySet<unknown> = new Set(SCOPES);
  for (const [index, scope] of scopes.entries())
    if (!known.has(scope)) faults.add(`/scopes/${index}`, `must be one of ${SCOPES.join(', ')}`);
  faults.throwIfAny();
  return SCOPES.filter((scope) => scopes.includes(scope));
}
