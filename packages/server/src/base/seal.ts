/**
 * Secrets at rest: AES-256-GCM (NIST SP 800-38D) under the master key.
 * Text form: `s1.<nonce>.<ciphertext and tag>`, both base64url; `s1` names the way, so that another can follow.
 */

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const VERSION = 's1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
export const MASTER_KEY_BYTES = 32;

/** The sealed text is damaged, or was sealed under another master key. */
export class SealError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SealError';
  }
}

export class Seal {
  readonly #key: Buffer;

  /** Throws `SealError` when the key is not of 32 bytes. */
  constructor(masterKey: Buffer) {
    if (masterKey.length !== MASTER_KEY_BYTES) throw new SealError('The master key must have 32 bytes.');
    // A key of its own for this use: the master key stays free for others.
    this.#key = Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), 'postrider seal s1', 32));
  }

  /** A random nonce each time: sealing the same text twice gives two texts. */
  seal(plain: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    cipher.setAAD(Buffer.from(VERSION));
    const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `${VERSION}.${nonce.toString('base64url')}.${body.toString('base64url')}`;
  }

  /** Throws `SealError` when the text was changed or sealed under another key. */
  open(sealed: string): string {
    const [version, nonceText, bodyText, ...rest] = sealed.split('.');
    if (version !== VERSION || nonceText === undefined || bodyText === undefined || rest.length > 0)
      throw new SealError('Not a sealed text.');
    const nonce = Buffer.from(nonceText, 'base64url');
    const body = Buffer.from(bodyText, 'base64url');
    if (nonce.length !== NONCE_BYTES || body.length < TAG_BYTES) throw new SealError('Not a sealed text.');
    const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(VERSION));
    decipher.setAuthTag(body.subarray(body.length - TAG_BYTES));
    try {
      return Buffer.concat([
        decipher.update(body.subarray(0, body.length - TAG_BYTES)),
        decipher.final(),
      ]).toString('utf8');
    } catch {
      throw new SealError('The sealed text does not open: it is damaged, or the master key is another one.');
    }
  }
}

/** The 32 bytes of a master key written as base64, base64url or hex; null when it is none of these. */
export function parseMasterKey(text: string): Buffer | null {
  const key = /^[0-9a-fA-F]{64}$/.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  return key.length === MASTER_KEY_BYTES ? key : null;
}
