/**
 * Publishing spread over several threads, lanes by their number. On two cores one thread was measured best (the second
 * core is the writer's and the receivers'); from four on there is something to spread.
 */

import { availableParallelism } from 'node:os';
import type { EnvironmentClocks } from '../../base/clock.ts';
import type { Endpoint } from '../../domain/endpoint.ts';
import type { CommitNotice } from '../../store/ports.ts';
import type { LaneState } from '../endpoint-view.ts';
import { NO_GAUGES, type PublishGauges, type PublishMetrics } from '../metrics.ts';
import type { PublisherStore } from '../publisher.ts';
import type { ShardOptions } from './protocol.ts';
import { Shard } from './shard.ts';
import { shardOf, splitNotice } from './shard-notice.ts';

export interface ShardedPublisherParts {
  store: PublisherStore;
  clocks: EnvironmentClocks;
  config: ShardOptions['config'];
  threads: number;
  metrics: PublishMetrics;
  onDeath: (error: Error) => void;
}

const CORES_TO_SPREAD = 4;
const MOST_THREADS = 8;

/** How many threads publish; 1 = the main thread alone. `setting` 0 = by the number of cores. */
export function publishThreads(setting: number, cores = availableParallelism()): number {
  if (setting > 0) return setting;
  // The main thread and the writer have a core each.
  return cores < CORES_TO_SPREAD ? 1 : Math.min(cores - 2, MOST_THREADS);
}

export class ShardedPublisher {
  readonly #parts: ShardedPublisherParts;
  readonly #shards: Shard[];
  /** Environment of each lane. */
  readonly #lanes = new Map<number, number>();
  /** Moves with everything that a thread is told and may make it busy. */
  #told = 0;
  readonly #idleAt = new Map<number, number>();

  constructor(parts: ShardedPublisherParts) {
    this.#parts = parts;
    const { config, clocks, threads, metrics, onDeath } = parts;
    const share = { ...config.publish, budget: Math.max(1, Math.ceil(config.publish.budget / threads)) };
    const { profile, log, data, security } = config;
    const options = {
      config: { profile, log, data, security, publish: share },
      threads,
      offsets: clocks.offsets(),
    };
    this.#shards = Array.from(
      { length: threads },
      (_, shard) =>
        new Shard({
          options,
          call: (method, args) => this.#call(shard, method, args),
          parkLane: (lane) => parts.store.parkLane(lane),
          metrics,
          onDeath,
        }),
    );
    clocks.onOffset = (env, offset_ms) => this.#tellAll({ kind: 'offset', env, offset_ms });
  }

  async start(): Promise<void> {
    for (const { endpoint } of await this.#parts.store.allEndpoints())
      this.#lanes.set(endpoint.lane, endpoint.env);
    await Promise.all(this.#shards.map((shard) => shard.ask({ about: 'start' })));
  }

  onCommit(notice: CommitNotice): void {
    for (const { lane, env, deleted } of notice.endpoints) {
      if (deleted) this.#lanes.delete(lane);
      else this.#lanes.set(lane, env);
    }
    for (const [shard, part] of splitNotice(notice, this.#shards.length).entries()) {
      if (part === null) continue;
      this.#told++;
      this.#shards[shard]?.tell({ kind: 'notice', notice: part });
    }
  }

  async stop(patience: number): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.stop(patience)));
  }

  /** Whether nothing has been told to any thread since all of them were idle. */
  isIdle(env: number): boolean {
    return this.#idleAt.get(env) === this.#told;
  }

  async idle(env: number): Promise<void> {
    let told: number;
    do {
      told = this.#told;
      await Promise.all(this.#shards.map((shard) => shard.ask({ about: 'idle', env })));
    } while (told !== this.#told);
    this.#idleAt.set(env, told);
  }

  async nextDueAt(env: number): Promise<number | null> {
    await this.idle(env);
    const question = { about: 'next due', env } as const;
    const all = (await Promise.all(this.#shards.map((shard) => shard.ask(question)))) as (number | null)[];
    const times = all.filter((at) => at !== null);
    return times.length === 0 ? null : Math.min(...times);
  }

  laneCount(env: number): number {
    let count = 0;
    for (const laneEnv of this.#lanes.values()) if (laneEnv === env) count++;
    return count;
  }

  async laneState(lane: number): Promise<LaneState> {
    const shard = this.#shards[shardOf(lane, this.#shards.length)] as Shard;
    return (await shard.ask({ about: 'lane', lane })) as LaneState;
  }

  /** As last told by the threads, a quarter of a second ago at most. */
  gauges(): PublishGauges {
    const sum = { ...NO_GAUGES };
    for (const { gauges } of this.#shards) {
      for (const name of Object.keys(sum) as (keyof PublishGauges)[]) sum[name] += gauges?.[name] ?? 0;
    }
    return sum;
  }

  async #call(shard: number, method: string, args: unknown[]): Promise<unknown> {
    const { store } = this.#parts;
    if (method === 'allEndpoints') {
      const all = await store.allEndpoints();
      return all.filter(
        ({ endpoint }: { endpoint: Endpoint }) => shardOf(endpoint.lane, this.#shards.length) === shard,
      );
    }
    return (store[method as keyof PublisherStore] as (...args: unknown[]) => unknown)(...args);
  }

  #tellAll(message: { kind: 'offset'; env: number; offset_ms: number }): void {
    this.#told++;
    for (const shard of this.#shards) shard.tell(message);
  }
}
