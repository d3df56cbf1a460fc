/**
 * Looks names up for the guard, the way the machine does it (`dns.lookup`: hosts file, resolv.conf).
 *
 * Such a look-up occupies one of libuv's threads until the C library gives up, 10 s by default, and libuv runs at most
 * half of its threads on look-ups. Measured with a name server that does not answer for some names: with the default of
 * 4 threads, two of those names hold up every other look-up of the process for 10 s; with 16 it takes eight. (zstd and
 * crypto go on: the other half is theirs.) Hence: one look-up per name at a time, answers kept for a moment, and names
 * that hang get a small share of the threads, so that they only ever wait for one another.
 */

import { lookup as systemLookup, type LookupAddress } from 'node:dns';

export type Answered = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;

/** All addresses of a name. `done` may be called at once. */
export type Resolve = (hostname: string, done: Answered) => void;

export interface ResolverOptions {
  lookup?: Resolve;
  /** Look-ups that run at once. */
  threads?: number;
  /** Names that are remembered or waited for; what is beyond is refused. */
  maxNames?: number;
}

/** The look-up does not tell how long its answer is good for; this is short against any failover by DNS. */
const KEEP_MS = 10_000;
const KEEP_FAILURE_MS = 1_000;
/** A look-up that takes longer marks its name as slow. Two retransmissions of most resolvers would fit. */
const SLOW_MS = 1_000;
/** Whoever waits is told after this, although the look-up cannot be stopped: above the usual timeout of an attempt. */
const GIVE_UP_MS = 15_000;
const MAX_NAMES = 10_000;
/** How far to look for a name that can be forgotten. */
const FORGET_TRIES = 100;

/** `prompt`: the latest look-up ended in time. `slow`: it did not. */
type Standing = 'prompt' | 'new' | 'slow';

interface Name {
  readonly hostname: string;
  standing: Standing;
  state: 'idle' | 'queued' | 'running';
  answer: { error: NodeJS.ErrnoException | null; addresses: LookupAddress[]; until: number } | null;
  waiters: Answered[];
  /** Set while somebody waits. */
  giveUp: NodeJS.Timeout | null;
}

export class Resolver {
  readonly #lookup: Resolve;
  readonly #maxNames: number;
  /** How many look-ups of this standing, or worse, may run at once. */
  readonly #room: Readonly<Record<Standing, number>>;
  readonly #running: Record<Standing, number> = { prompt: 0, new: 0, slow: 0 };
  readonly #queues: Readonly<Record<Standing, Set<Name>>> = {
    prompt: new Set(),
    new: new Set(),
    slow: new Set(),
  };
  /** The one asked for last is last. */
  readonly #names = new Map<string, Name>();

  constructor(options: ResolverOptions = {}) {
    this.#lookup = options.lookup ?? lookupAll;
    this.#maxNames = options.maxNames ?? MAX_NAMES;
    const threads = options.threads ?? lookupThreads(process.env['UV_THREADPOOL_SIZE']);
    const quarter = Math.max(1, Math.floor(threads / 4));
    this.#room = { prompt: threads, new: Math.max(2, threads - quarter), slow: quarter };
  }

  /** Names it knows or is asked about. */
  get size(): number {
    return this.#names.size;
  }

  readonly resolve: Resolve = (hostname, done) => {
    const name = this.#nameOf(hostname);
    if (name === null) {
      done(failure('EAI_AGAIN', `${hostname} is not looked up: too many names are waiting`), []);
      return;
    }
    const { answer } = name;
    if (answer !== null && answer.until > performance.now()) {
      done(answer.error, answer.addresses);
      return;
    }
    name.waiters.push(done);
    name.giveUp ??= setTimeout(() => this.#giveUp(name), GIVE_UP_MS).unref();
    if (name.state !== 'idle') return;
    name.state = 'queued';
    this.#queues[name.standing].add(name);
    this.#next();
  };

  #nameOf(hostname: string): Name | null {
    let name = this.#names.get(hostname);
    if (name === undefined) {
      if (this.#names.size >= this.#maxNames && !this.#forgetOne()) return null;
      name = { hostname, standing: 'new', state: 'idle', answer: null, waiters: [], giveUp: null };
    } else {
      this.#names.delete(hostname);
    }
    this.#names.set(hostname, name);
    return name;
  }

  #forgetOne(): boolean {
    let tries = 0;
    for (const name of this.#names.values()) {
      if (name.state === 'idle') return this.#names.delete(name.hostname);
      if (++tries === FORGET_TRIES) break;
    }
    return false;
  }

  /** Good names first; each standing leaves room for the better ones. */
  #next(): void {
    for (const standing of ['prompt', 'new', 'slow'] as const) {
      for (const name of this.#queues[standing]) {
        if (!this.#hasRoom(standing)) break;
        this.#queues[standing].delete(name);
        this.#run(name);
      }
    }
  }

  #hasRoom(standing: Standing): boolean {
    const { prompt, new: unknown, slow } = this.#running;
    if (prompt + unknown + slow >= this.#room.prompt) return false;
    if (standing === 'new') return unknown + slow < this.#room.new;
    return standing === 'prompt' || slow < this.#room.slow;
  }

  #run(name: Name): void {
    name.state = 'running';
    this.#running[name.standing]++;
    const started = performance.now();
    const slow = setTimeout(() => this.#stand(name, 'slow'), SLOW_MS).unref();
    this.#lookup(name.hostname, (error, addresses) => {
      clearTimeout(slow);
      const now = performance.now();
      this.#stand(name, now - started < SLOW_MS ? 'prompt' : 'slow');
      this.#running[name.standing]--;
      name.state = 'idle';
      const keep = error === null && addresses.length > 0 ? KEEP_MS : KEEP_FAILURE_MS;
      name.answer = { error, addresses, until: now + keep };
      this.#tell(name, error, addresses);
      this.#next();
    });
  }

  /** A look-up under way is counted where its name now stands. */
  #stand(name: Name, standing: Standing): void {
    this.#running[name.standing]--;
    name.standing = standing;
    this.#running[standing]++;
    // The room it gave up may be what another waits for.
    if (standing === 'slow') this.#next();
  }

  #giveUp(name: Name): void {
    if (name.state === 'queued') {
      this.#queues[name.standing].delete(name);
      name.state = 'idle';
    }
    this.#tell(name, failure('EAI_AGAIN', `${name.hostname} was not looked up within ${GIVE_UP_MS} ms`), []);
  }

  #tell(name: Name, error: NodeJS.ErrnoException | null, addresses: LookupAddress[]): void {
    const { waiters, giveUp } = name;
    name.waiters = [];
    name.giveUp = null;
    if (giveUp !== null) clearTimeout(giveUp);
    for (const done of waiters) done(error, addresses);
  }
}

/** How many look-ups libuv runs at once (`slow_work_thread_threshold` in its `src/threadpool.c`). */
export function lookupThreads(poolSize: string | undefined): number {
  const size = Number.parseInt(poolSize ?? '', 10);
  // libuv's own default and bound.
  const threads = size >= 1 ? Math.min(size, 1024) : 4;
  return Math.floor((threads + 1) / 2);
}

function lookupAll(hostname: string, done: Answered): void {
  systemLookup(hostname, { all: true, verbatim: false }, (error, addresses) => done(error, addresses ?? []));
}

function failure(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}
