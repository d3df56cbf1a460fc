/**
 * DKIM signatures (RFC 6376, Ed25519 by RFC 8463), relaxed/relaxed.
 *
 * `t=` is there, as the caller's clock has it. `x=` is not: mail may wait 72 hours in our queue and days in another's,
 * and an expiry that is missed fails honest mail, while a replay runs within the hour. `l=` never is: whatever is
 * appended behind it would pass as ours (section 8.2).
 */

import { hash, sign } from 'node:crypto';
import { bodyHash, DkimError, relaxedField, splitMessage } from './canonical.ts';
import type { DkimKey } from './key.ts';
import { selectFields, type Selection } from './signed-fields.ts';

/** RFC 5322 section 2.1.1 asks for at most 78 characters in a line. */
const LINE = 76;
/** The thread pool has four threads by default, and files and lookups need one, too. */
const DEFAULT_CONCURRENCY = 3;

export class DkimSigner {
  readonly #concurrency: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** `concurrency`: signatures made at once, on as many threads of the pool. */
  constructor(concurrency: number = DEFAULT_CONCURRENCY) {
    this.#concurrency = concurrency;
  }

  /**
   * The `DKIM-Signature` fields to put in front of `message` (CRLF lines), one for each key and in their order: RSA
   * before Ed25519, as verifiers that know only one read the first. `at` in unix seconds.
   *
   * The message is read before the first wait and not kept, so one that waits for its turn holds about 2 KB. How many
   * wait is for the caller to bound. Rejects with `DkimError` for a message that no verifier could read as we do.
   */
  async sign(message: Buffer, keys: readonly DkimKey[], at: number): Promise<string> {
    const { fields, body } = splitMessage(message);
    if (!fields.some(({ name }) => name === 'from'))
      throw new DkimError(
        'The message has no From field, which a signature must cover (RFC 6376 section 5.4).',
      );
    const digest = bodyHash(message, body);
    const selection = selectFields(fields);
    const covered = selection.fields.map((field) => `${relaxedField(field)}\r\n`).join('');
    const signatures = keys.map(async (key) => {
      const head = signatureHead(key, selection, digest, at);
      const input = covered + relaxedField({ name: 'dkim-signature', text: head });
      const signature = await this.#turn(() => signOnPool(key, Buffer.from(input, 'latin1')));
      return `${head}${foldBase64(signature.toString('base64'))}\r\n`;
    });
    return (await Promise.all(signatures)).join('');
  }

  async #turn<T>(work: () => Promise<T>): Promise<T> {
    // Who is woken takes over the place of who wakes, so that nobody slips in between.
    if (this.#running === this.#concurrency)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}

function signOnPool({ key, algorithm }: DkimKey, input: Buffer): Promise<Buffer> {
  // RFC 8463 section 3: Ed25519 signs the SHA-256 of the input, not the input.
  const [digest, data] =
    algorithm === 'rsa-sha256'
      ? (['sha256', input] as const)
      : ([null, hash('sha256', input, 'buffer')] as const);
  return new Promise((resolve, reject) => {
    sign(digest, data, key, (error, signature) => {
      if (error === null) resolve(signature);
      else reject(error);
    });
  });
}

/** The field up to and with `b=`: what is signed of it, as an empty signature. */
function signatureHead(key: DkimKey, { names }: Selection, digest: string, at: number): string {
  return [
    `DKIM-Signature: v=1; a=${key.algorithm}; c=relaxed/relaxed; d=${key.domain};`,
    `\r\n s=${key.selector}; t=${at};`,
    `\r\n bh=${digest};`,
    `\r\n ${foldNames(names)};`,
    '\r\n b=',
  ].join('');
}

function foldNames(names: readonly string[]): string {
  let text = 'h=';
  let column = text.length + 1;
  for (const [at, name] of names.entries()) {
    const item = at < names.length - 1 ? `${name}:` : name;
    if (column + item.length >= LINE) {
      text += '\r\n ';
      column = 1;
    }
    text += item;
    column += item.length;
  }
  return text;
}

/** White space within base64 is ignored (RFC 6376 section 3.5). The first line starts behind ` b=`. */
function foldBase64(text: string): string {
  const lines = [text.slice(0, LINE - 3)];
  for (let at = LINE - 3; at < text.length; at += LINE - 1) lines.push(text.slice(at, at + LINE - 1));
  return lines.join('\r\n ');
}
