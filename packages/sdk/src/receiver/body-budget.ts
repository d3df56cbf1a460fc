/** Reading of bodies within two bounds: that of one request, and that of all which are being read at the same time. */

export class BodyBudget {
  readonly #maxBody: number;
  readonly #maxTotal: number;
  #total = 0;

  constructor(maxBody: number, maxTotal: number) {
    this.#maxBody = maxBody;
    this.#maxTotal = maxTotal;
  }

  get maxBody(): number {
    return this.#maxBody;
  }

  /** For one request. `release` has to be called in every case. */
  open(): BodyReading {
    const chunks: Uint8Array[] = [];
    let length = 0;
    return {
      add: (chunk) => {
        if (length + chunk.length > this.#maxBody) return 'too_large';
        if (this.#total + chunk.length > this.#maxTotal) return 'busy';
        length += chunk.length;
        this.#total += chunk.length;
        chunks.push(chunk);
        return null;
      },
      bytes: () => joined(chunks, length),
      release: () => {
        this.#total -= length;
        length = 0;
        chunks.length = 0;
      },
    };
  }
}

export interface BodyReading {
  /** Null, or why no more is to be read. */
  add(chunk: Uint8Array): 'too_large' | 'busy' | null;
  bytes(): Uint8Array;
  release(): void;
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  if (chunks.length === 1) return chunks[0] as Uint8Array;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
