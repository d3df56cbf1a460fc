/** A store in memory, and limits, for the tests of this folder. */

import { zstdDecompressSync } from 'node:zlib';
import { PostriderError } from '../../domain/errors.ts';
import type { NewEvent } from '../../domain/event.ts';
import type { AcceptedRecipient, NewMessage } from '../../domain/message.ts';
import type { ApiKey, Environment, Project } from '../../domain/tenancy.ts';
import type { Idempotency, Idempotent, NewApiKey, Page } from '../../store/ports.ts';
import type { AcceptLimits } from '../limits.ts';

export const LIMITS: AcceptLimits = {
  recipients: 1000,
  message_bytes: 1_000_000,
  batch: 1000,
  attachments: 10,
  header_bytes: 65_536,
  tags: 10,
  tag_bytes: 64,
  metadata_pairs: 10,
  metadata_bytes: 1000,
  event_data_bytes: 65_536,
  json_depth: 32,
  schedule_days: 30,
};

/** 2026-04-19T14:32:01.123Z */
export const NOW = 1_776_609_121_123;

export const LIVE: Environment = { env: 1, project_id: 'prj_a', name: 'live', clock_offset_ms: 0 };
export const SANDBOX: Environment = { env: 2, project_id: 'prj_a', name: 'sandbox', clock_offset_ms: 0 };

export class FakeStore {
  readonly messages: NewMessage[] = [];
  readonly events: NewEvent[][] = [];
  readonly suppressed = new Set<string>();
  readonly cancelled: string[] = [];
  readonly idempotency = new Map<string, { fingerprint: string; answer: object }>();
  keys: (ApiKey & { hash: string; sealed: string | null })[] = [];
  readonly projects: Project[] = [];
  environments: Environment[] = [LIVE, SANDBOX];
  lookUps = 0;
  /** Thrown instead of doing anything, once per entry. */
  readonly failures: Error[] = [];

  acceptMessage(message: NewMessage, idempotency: Idempotency | null) {
    return this.#once(idempotency, message.env, () => {
      this.messages.push(message);
      const recipients = message.recipients.map(({ address, drop }): AcceptedRecipient => {
        if (drop !== null) return { address, status: 'dropped', reason: drop };
        return this.suppressed.has(address)
          ? { address, status: 'dropped', reason: 'suppressed' }
          : { address, status: 'accepted' };
      });
      return { message_id: message.message_id, recipients };
    });
  }

  cancelMessage(_env: number, message_id: string): Promise<{ cancelled: string[] }> {
    this.cancelled.push(message_id);
    return Promise.resolve({ cancelled: ['ann@example.com'] });
  }

  async unknownMessages(): Promise<string[]> {
    return [];
  }

  recordEvents(env: number, events: NewEvent[], idempotency: Idempotency | null) {
    return this.#once(idempotency, env, () => {
      this.events.push(events);
      return { event_ids: events.map((event) => event.event_id) };
    });
  }

  createProject(project: Project, idempotency: Idempotency | null) {
    return this.#once(idempotency, 0, () => {
      this.projects.push(project);
      const { project_id } = project;
      const environments: Environment[] = [
        { env: 10, project_id, name: 'live', clock_offset_ms: 0 },
        { env: 11, project_id, name: 'sandbox', clock_offset_ms: 0 },
      ];
      this.environments.push(...environments);
      return { project, environments };
    });
  }

  listProjects(): Promise<Project[]> {
    return Promise.resolve(this.projects);
  }

  listEnvironments(): Promise<Environment[]> {
    return Promise.resolve(this.environments);
  }

  createApiKey(key: NewApiKey, idempotency: Idempotency | null) {
    return this.#once(idempotency, key.env ?? 0, () => {
      const { hash, sealed, ...rest } = key;
      const made: ApiKey = { ...rest, revoked_at: null };
      this.keys.push({ ...made, hash, sealed });
      return { key: made, sealed };
    });
  }

  listApiKeys(env: number | null): Promise<Page<ApiKey>> {
    return Promise.resolve({ data: this.keys.filter((key) => key.env === env), next_cursor: null });
  }

  revokeApiKey(env: number | null, key_id: string, now: number): Promise<ApiKey> {
    const key = this.keys.find((one) => one.key_id === key_id && one.env === env);
    if (key === undefined) return Promise.reject(new PostriderError('not_found', 'no such key'));
    key.revoked_at = now;
    return Promise.resolve(key);
  }

  findApiKey(hash: string): Promise<ApiKey | null> {
    this.lookUps++;
    const key = this.keys.find((one) => one.hash === hash);
    return Promise.resolve(key === undefined ? null : { ...key });
  }

  /** The last message's MIME as text. */
  mime(at = -1): string {
    const message = this.messages.at(at);
    if (message === undefined) throw new Error('no message was stored');
    return zstdDecompressSync(message.raw).toString('latin1');
  }

  #once<T extends object>(
    idempotency: Idempotency | null,
    env: number,
    work: () => T,
  ): Promise<Idempotent<T>> {
    const failure = this.failures.shift();
    if (failure !== undefined) return Promise.reject(failure);
    const id = `${env} ${idempotency?.key ?? ''}`;
    const before = idempotency === null ? undefined : this.idempotency.get(id);
    if (before !== undefined) {
      if (before.fingerprint !== idempotency?.fingerprint)
        return Promise.reject(new PostriderError('idempotency_conflict', 'another request'));
      return Promise.resolve({ ...(before.answer as T), replayed: true });
    }
    const answer = work();
    if (idempotency !== null) this.idempotency.set(id, { fingerprint: idempotency.fingerprint, answer });
    return Promise.resolve({ ...answer, replayed: false });
  }
}

/** The error codes' fields of a call that must be refused. */
export async function refusal(call: () => unknown): Promise<PostriderError> {
  try {
    await call();
  } catch (error) {
    if (error instanceof PostriderError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}
