/** Bytes to command lines. Only CR LF ends a line (RFC 5321 section 2.3.8). */

const CR = 0x0d;
const LF = 0x0a;

/** RFC 4954 section 4: the longest line of any command, AUTH, without its CR LF. */
export const MAX_LINE_OCTETS = 12_288 - 2;
/** A line that is still without an end this far past the limit is not worth reading on. */
const ENDLESS_OCTETS = 65_536;

export type LineRead =
  /** Everything was eaten; no line is complete. */
  | { kind: 'more' }
  /** `text` is valid UTF-8 without NUL, CR and LF; `octets` is its length with CR LF. */
  | { kind: 'line'; text: string; octets: number; used: number }
  /** A complete line that cannot be a command; `reason` says why. */
  | { kind: 'malformed'; reason: string; used: number }
  /** `start` is its beginning, for the verb. */
  | { kind: 'too_long'; start: string; used: number }
  /** A bare LF: the two sides would not agree where lines end, so nothing after it can be read. */
  | { kind: 'bare_lf' }
  | { kind: 'endless' };

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Collects one line at a time out of chunks of any size, within a bound. */
export class LineReader {
  #held: Buffer = Buffer.alloc(0);
  #octets = 0;
  #endsInCr = false;

  /** Reads from `chunk` at `from` up to the end of a line. `used` counts from `from`. */
  read(chunk: Buffer, from: number): LineRead {
    const lf = chunk.indexOf(LF, from);
    if (lf === -1) return this.#hold(chunk.subarray(from));
    const afterCr = lf === from ? this.#endsInCr : chunk[lf - 1] === CR;
    if (!afterCr) return { kind: 'bare_lf' };
    return this.#finish(chunk.subarray(from, lf + 1));
  }

  #hold(part: Buffer): LineRead {
    if (part.length === 0) return { kind: 'more' };
    this.#octets += part.length;
    this.#endsInCr = part[part.length - 1] === CR;
    if (this.#octets > MAX_LINE_OCTETS + ENDLESS_OCTETS) return { kind: 'endless' };
    const room = MAX_LINE_OCTETS + 2 - this.#held.length;
    if (room > 0) this.#held = Buffer.concat([this.#held, part.subarray(0, room)]);
    return { kind: 'more' };
  }

  #finish(part: Buffer): LineRead {
    const used = part.length;
    const octets = this.#octets + used;
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    this.#octets = 0;
    this.#endsInCr = false;
    const whole = held.length === 0 ? part : Buffer.concat([held, part]);
    if (octets - 2 > MAX_LINE_OCTETS)
      return { kind: 'too_long', start: whole.toString('latin1', 0, 8), used };
    const line = whole.subarray(0, octets - 2);
    if (line.includes(CR)) return malformed('a bare CR; every line ends with CR LF', used);
    if (line.includes(0)) return malformed('a NUL octet', used);
    try {
      return { kind: 'line', text: UTF8.decode(line), octets, used };
    } catch {
      return malformed('octets that are not UTF-8', used);
    }
  }
}

function malformed(reason: string, used: number): LineRead {
  return { kind: 'malformed', reason: `The line has ${reason}`, used };
}
