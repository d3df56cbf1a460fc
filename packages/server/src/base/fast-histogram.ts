/**
 * A histogram for the hot path. prom-client's own takes about 0.6 µs an observation (a label object, its hash,
 * a map); this one is two array accesses, and looks the same when the figures are collected.
 */

import type { Histogram, MetricValueWithName } from 'prom-client';

export class FastHistogram {
  readonly name: string;
  readonly help: string;
  readonly #bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;
  #count = 0;

  /** `bounds`: upper bounds of the buckets, ascending. */
  constructor(name: string, help: string, bounds: readonly number[]) {
    this.name = name;
    this.help = help;
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] as number)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#sum += value;
    this.#count++;
  }

  /** What a registry asks of a metric. */
  async get(): Promise<{
    name: string;
    help: string;
    type: 'histogram';
    aggregator: 'sum';
    values: MetricValueWithName<string>[];
  }> {
    let cumulative = 0;
    const values: MetricValueWithName<string>[] = this.#bounds.map((bound, i) => {
      cumulative += this.#counts[i] as number;
      return { metricName: `${this.name}_bucket`, labels: { le: bound }, value: cumulative };
    });
    values.push(
      { metricName: `${this.name}_bucket`, labels: { le: '+Inf' }, value: this.#count },
      { metricName: `${this.name}_sum`, labels: {}, value: this.#sum },
      { metricName: `${this.name}_count`, labels: {}, value: this.#count },
    );
    return { name: this.name, help: this.help, type: 'histogram', aggregator: 'sum', values };
  }

  /** Registries clear their metrics between tests; a restart is what clears this one. */
  reset(): void {
    this.#counts.fill(0);
    this.#sum = 0;
    this.#count = 0;
  }

  /** As the registry's types want it: it only ever calls `get`, `reset` and reads `name`. */
  asMetric(): Histogram {
    return this as unknown as Histogram;
  }
}
