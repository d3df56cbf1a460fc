/**
 * The writer thread's view of the database: prepared statements and the few facts it keeps between commands.
 * It is the only writer, so what it remembers is true until one of its own commands fails; then it takes back what
 * that one has changed.
 */

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { EnvironmentName } from '@postrider/contract/events';
import { newId } from '../../base/ids.ts';
import { PostriderError } from '../../domain/errors.ts';
import type { EndpointSettings } from '../../domain/endpoint.ts';
import { endpointRule, type EndpointRule } from '../../domain/matching.ts';
import { SubscriptionIndex } from '../../domain/subscription-index.ts';
import { Changes } from './changes.ts';
import { logKey, logLimit, logPosition } from './log-position.ts';
import type { SettledAs } from './settled-status.ts';

export interface EnvironmentFacts {
  env: number;
  name: EnvironmentName;
  clock_offset_ms: number;
  subscriptions: SubscriptionIndex;
  /** Position of the newest event in the log. */
  logEnd: number;
}

/**
 * Deliveries that one commit may queue; what goes beyond is split, though never within one event. About 25 ms of the
 * writer, so that no result waits for longer behind a fan-out.
 */
export const QUEUED_PER_COMMIT = 5000;

interface CompiledRule {
  rule: EndpointRule;
  /** What it was compiled from. */
  settings: string;
}

export class WriteContext {
  readonly db: DatabaseSync;
  /** Deliveries queued since the transaction began. */
  queued = 0;
  /** The running command's changes. */
  changes = new Changes();
  /**
   * Where the retention sweeps go on. `skipped`: before the first row that had to stay, where the next round begins.
   * `overIn`: the round in which the sweep has ended.
   */
  readonly sweeps = new Map<string, { at: number; skipped: number | null; overIn: number }>();
  /** The retention round of each environment. */
  readonly rounds = new Map<number, number>();
  /** Lanes whose new deliveries go into commit notices. Every lane begins outside. */
  readonly live = new Set<number>();
  /** Recipients handed to the deliver stage and not yet settled; ends with the process, as it should. */
  readonly #claimed = new Set<number>();
  /** How to take back what the transaction changed in memory alone, oldest first. */
  readonly #undo: (() => void)[] = [];
  readonly #statements = new Map<string, StatementSync>();
  readonly #environments = new Map<number, EnvironmentFacts>();
  /** Of each environment: what was compiled last, so that a change of one endpoint compiles one. */
  readonly #rules = new Map<number, ReadonlyMap<number, CompiledRule>>();
  readonly #lastSeq = new Map<number, number>();
  readonly #dirtyLanes = new Set<number>();
  readonly #movedLogs = new Set<number>();
  readonly #counters = new Map<string, { env: number; hour: number; eventType: string; n: number }>();

  readonly #replays = new Map<number, { env: number } & Record<SettledAs, number>>();

  constructor(db: DatabaseSync) {
    this.db = db;
  }

  sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.db.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  newEventId(): string {
    return newId('evt');
  }

  environment(env: number): EnvironmentFacts {
    let facts = this.#environments.get(env);
    if (facts === undefined) {
      facts = this.#readEnvironment(env);
      this.#environments.set(env, facts);
    }
    return facts;
  }

  get claimed(): ReadonlySet<number> {
    return this.#claimed;
  }

  /** Nobody hears of a claim that is rolled back, so it must not outlive its transaction. */
  claim(outgoing: number): void {
    this.#claimed.add(outgoing);
    this.onRollback(() => this.#claimed.delete(outgoing));
  }

  /** Of an outcome that is rolled back the caller is told, and still holds the recipient. */
  unclaim(outgoing: number): void {
    if (this.#claimed.delete(outgoing)) this.onRollback(() => this.#claimed.add(outgoing));
  }

  /** Environment's time. */
  now(env: number): number {
    return Date.now() + this.environment(env).clock_offset_ms;
  }

  /** After a change of what endpoints ask for. What is read from then on is of this transaction, and goes with it. */
  forgetEnvironment(env: number): void {
    this.#environments.delete(env);
    this.onRollback(() => this.#environments.delete(env));
  }

  setClock(env: number, clock_offset_ms: number): void {
    const facts = this.#environments.get(env);
    // What may yet be read of it within this transaction goes with it.
    if (facts === undefined) return this.forgetEnvironment(env);
    const before = facts.clock_offset_ms;
    facts.clock_offset_ms = clock_offset_ms;
    this.#onRollbackOf(env, (known) => (known.clock_offset_ms = before));
  }

  /** The next position in the environment's log. */
  nextPosition(environment: EnvironmentFacts): number {
    const { env, logEnd } = environment;
    if (!this.#movedLogs.has(env)) {
      this.#movedLogs.add(env);
      this.#onRollbackOf(env, (known) => (known.logEnd = logEnd));
    }
    return ++environment.logEnd;
  }

  /** By number: an undo that held the facts would keep every copy of them, with all their rules, until the commit. */
  #onRollbackOf(env: number, undo: (known: EnvironmentFacts) => void): void {
    this.onRollback(() => {
      const known = this.#environments.get(env);
      if (known !== undefined) undo(known);
    });
  }

  nextSeq(lane: number): number {
    let last = this.#lastSeq.get(lane);
    if (last === undefined) {
      const row = this.sql('SELECT last_seq FROM lane_seq WHERE lane = ?').get(lane);
      last = row === undefined ? 0 : (row['last_seq'] as number);
    }
    if (!this.#dirtyLanes.has(lane)) {
      const before = last;
      this.#dirtyLanes.add(lane);
      this.onRollback(() => this.#lastSeq.set(lane, before));
    }
    this.#lastSeq.set(lane, last + 1);
    return last + 1;
  }

  count(env: number, at: number, eventType: string): void {
    const hour = Math.floor(at / 3_600_000);
    const key = `${env} ${hour} ${eventType}`;
    const counter = this.#counters.get(key);
    if (counter === undefined) this.#counters.set(key, { env, hour, eventType, n: 1 });
    else counter.n++;
  }

  countReplay(replay: number, env: number, as: SettledAs): void {
    let counter = this.#replays.get(replay);
    if (counter === undefined) {
      counter = { env, delivered: 0, failed: 0, discarded: 0 };
      this.#replays.set(replay, counter);
    }
    counter[as]++;
  }

  /** Writes what the command changed in memory; the last act inside its savepoint. */
  flush(): void {
    for (const lane of this.#dirtyLanes) {
      this.sql(
        'INSERT INTO lane_seq (lane, last_seq) VALUES (?, ?) ON CONFLICT (lane) DO UPDATE SET last_seq = excluded.last_seq',
      ).run(lane, this.#lastSeq.get(lane) as number);
    }
    this.#dirtyLanes.clear();
    this.#movedLogs.clear();
    for (const { env, hour, eventType, n } of this.#counters.values()) {
      this.sql(
        'INSERT INTO counter (env, hour, event_type, n) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n',
      ).run(env, hour, eventType, n);
    }
    this.#counters.clear();
    for (const [replay, { env, delivered, failed, discarded }] of this.#replays) {
      this.sql(
        `UPDATE replay SET delivered = delivered + ?, failed = failed + ?, discarded = discarded + ?, updated_at = ?
         WHERE replay = ?`,
      ).run(delivered, failed, discarded, this.now(env), replay);
    }
    this.#replays.clear();
  }

  /** To be called with every change of what is remembered in memory alone. */
  onRollback(undo: () => void): void {
    this.#undo.push(undo);
  }

  /** Where the transaction's changes stand now, to roll back to. */
  get mark(): number {
    return this.#undo.length;
  }

  /** Whether the transaction has queued as much as one may; the next event belongs in another. */
  get isFull(): boolean {
    return this.queued >= QUEUED_PER_COMMIT;
  }

  /** The transaction is on disk: what it changed stays. */
  committed(): void {
    this.#undo.length = 0;
  }

  /** After a rollback to `mark`: takes back what was remembered since then, and nothing else. */
  forget(mark: number): void {
    for (const undo of this.#undo.splice(mark).toReversed()) undo();
    this.#dirtyLanes.clear();
    this.#movedLogs.clear();
    this.#counters.clear();
    this.#replays.clear();
  }

  #readEnvironment(env: number): EnvironmentFacts {
    const row = this.sql('SELECT name, clock_offset_ms FROM environment WHERE env = ?').get(env);
    if (row === undefined) throw new PostriderError('not_found', `There is no environment ${env}.`);
    const end = this.sql('SELECT max(log) AS log FROM event WHERE log >= ? AND log < ?').get(
      logKey(env, 0),
      logLimit(env),
    );
    return {
      env,
      name: row['name'] as EnvironmentName,
      clock_offset_ms: row['clock_offset_ms'] as number,
      subscriptions: new SubscriptionIndex(this.#readRules(env)),
      logEnd: end?.['log'] === null || end === undefined ? 0 : logPosition(end['log'] as number),
    };
  }

  #readRules(env: number): EndpointRule[] {
    const known = this.#rules.get(env);
    const compiled = new Map<number, CompiledRule>();
    const rows = this.sql(
      'SELECT lane, endpoint_id, settings FROM endpoint WHERE env = ? AND deleted_at IS NULL ORDER BY lane',
    ).iterate(env);
    for (const row of rows) {
      const { lane, endpoint_id, settings } = row as { lane: number; endpoint_id: string; settings: string };
      const last = known?.get(lane);
      const isKnown = last !== undefined && last.settings === settings;
      compiled.set(lane, isKnown ? last : compile(lane, endpoint_id, settings));
    }
    this.#rules.set(env, compiled);
    return Array.from(compiled.values(), ({ rule }) => rule);
  }
}

function compile(lane: number, endpoint_id: string, settings: string): CompiledRule {
  return { rule: endpointRule(lane, endpoint_id, JSON.parse(settings) as EndpointSettings), settings };
}
