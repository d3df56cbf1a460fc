/** Octets written one after the other and read back, with numbers in as few of them as they need (LEB128). */

const MAX_VARINT_BYTES = 5;

export class ByteWriter {
  readonly #pieces: Uint8Array[] = [];

  byte(value: number): this {
    this.#pieces.push(Uint8Array.of(value));
    return this;
  }

  /** Throws `RangeError` for what is no whole number from 0 to 2^32 - 1. */
  varint(value: number): this {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff)
      throw new RangeError(`${value} is no whole number of 32 bits.`);
    const bytes: number[] = [];
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
    this.#pieces.push(Uint8Array.of(...bytes, rest));
    return this;
  }

  add(bytes: Uint8Array): this {
    this.#pieces.push(bytes);
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}

/** Each call answers null when the octets end before, and then stays where it was. */
export class ByteReader {
  readonly #octets: Buffer;
  at = 0;

  constructor(octets: Buffer) {
    this.#octets = octets;
  }

  get left(): number {
    return this.#octets.length - this.at;
  }

  byte(): number | null {
    return this.take(1)?.[0] ?? null;
  }

  /** Null for more octets than 32 bits need, or a number written longer than it must be. */
  varint(): number | null {
    let value = 0;
    for (let n = 0; n < MAX_VARINT_BYTES; n++) {
      const octet = this.#octets[this.at + n];
      if (octet === undefined) return null;
      value += (octet & 127) * 128 ** n;
      if (octet >= 128) continue;
      if ((octet === 0 && n > 0) || value > 0xffff_ffff) return null;
      this.at += n + 1;
      return value;
    }
    return null;
  }

  take(length: number): Buffer | null {
    if (this.left < length) return null;
    this.at += length;
    return this.#octets.subarray(this.at - length, this.at);
  }

  rest(): Buffer {
    return this.#octets.subarray(this.at);
  }
}
