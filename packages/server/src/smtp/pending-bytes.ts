/** The memory of messages that are coming in: one bound for all connections together. */

/** Counts octets against a bound. */
export class PendingBytes {
  readonly #limit: number;
  readonly #mayCome: () => boolean;
  #used = 0;

  /** `mayCome`: false while nothing new may come in, whatever room there is here. */
  constructor(limit: number, mayCome: () => boolean = () => true) {
    this.#limit = limit;
    this.#mayCome = mayCome;
  }

  get used(): number {
    return this.#used;
  }

  /** Whether a message of this size may begin. */
  fits(bytes: number): boolean {
    return this.#mayCome() && this.#used + bytes <= this.#limit;
  }

  /** False, and nothing taken, when there is no room. */
  take(bytes: number): boolean {
    if (this.#used + bytes > this.#limit) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}

const FIRST_BLOCK = 4096;
const LARGEST_BLOCK = 1_048_576;
const NOTHING = Buffer.alloc(0);

/**
 * A growing message. Octets are copied into blocks that double in size, so that a client that sends one octet
 * a packet costs no object per packet, and a small message costs one small block.
 */
export class ByteBlocks {
  readonly #pending: PendingBytes;
  #full: Buffer[] = [];
  #block: Buffer = NOTHING;
  #filled = 0;
  #taken = 0;

  constructor(pending: PendingBytes) {
    this.#pending = pending;
  }

  /** False when the bound of all connections is reached; what was kept so far stays. */
  append(source: Buffer, from: number, to: number): boolean {
    let at = from;
    while (at < to) {
      if (this.#filled === this.#block.length && !this.#grow(to - at)) return false;
      const copied = source.copy(this.#block, this.#filled, at, to);
      this.#filled += copied;
      at += copied;
    }
    return true;
  }

  /** One buffer of everything, called once. The blocks go; their room stays taken until `release`. */
  join(): Buffer {
    const last = this.#block.subarray(0, this.#filled);
    const whole = this.#full.length === 0 ? last : Buffer.concat([...this.#full, last]);
    this.#full = [];
    this.#block = NOTHING;
    this.#filled = 0;
    return whole;
  }

  /** Forgets everything and gives its room back. May be called again. */
  release(): void {
    this.#pending.give(this.#taken);
    this.#taken = 0;
    this.#full = [];
    this.#block = NOTHING;
    this.#filled = 0;
  }

  #grow(wanted: number): boolean {
    const size = Math.min(LARGEST_BLOCK, Math.max(FIRST_BLOCK, this.#taken, wanted));
    if (!this.#pending.take(size)) return false;
    this.#taken += size;
    if (this.#filled > 0) this.#full.push(this.#block);
    this.#block = Buffer.allocUnsafeSlow(size);
    this.#filled = 0;
    return true;
  }
}
