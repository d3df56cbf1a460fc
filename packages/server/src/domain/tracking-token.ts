/**
 * The tokens in links that come back to us: open, click and unsubscribe. They are minted when a message goes out and
 * read by the door that takes the hit, which is why they are here, below both.
 *
 * A token carries all it stands for, so that a click reaches its target after the message is purged, and a door with
 * no store at hand cannot be made to redirect anywhere else. The price is length: a third more than the target, which
 * is why targets are bounded (`deliver/tracking/target.ts`). Looking up a link's number would be shorter, but would keep
 * every target for as long as anybody may click.
 *
 * Nothing of it can be read or changed without the key. The tag is HMAC-SHA256, cut to 16 octets, over all of it, and
 * the rest is encrypted with AES-256-CTR from that tag on: the SIV construction (Rogaway and Shrimpton, "Deterministic
 * Authenticated-Encryption", 2006; RFC 5297 section 1.3.2), so a tag costs no room for a nonce, and the same hit
 * has the same token each time a message is tried again. Addresses in targets are in no log of a proxy on the way.
 *
 * Layout, as base64url: version (1) | environment (varint) | tag (16) | encrypted( kind (1) | message (16) |
 * recipient (varint) | what the kind adds ). An open has 48 characters.
 */

import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  timingSafeEqual,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { decodeId, encodeId } from '@postrider/contract/ids';
import { ByteReader, ByteWriter } from './tracking-bytes.ts';

/** Whom of which message it is about. */
interface Hit {
  message_id: string;
  /** The recipient's place in the message. */
  recipient: number;
}
export interface OpenToken extends Hit {
  kind: 'open';
}
export interface ClickToken extends Hit {
  kind: 'click';
  /** The link's place in the message. */
  link: number;
  url: string;
}
/** With the address itself: an unsubscribe must work for as long as somebody keeps the mail. */
export interface UnsubscribeToken extends Hit {
  kind: 'unsubscribe';
  address: string;
  /** Empty: from everything. */
  list: string;
}
export type TrackingToken = OpenToken | ClickToken | UnsubscribeToken;
export type TrackingKind = TrackingToken['kind'];

const VERSION = 1;
const KINDS: readonly TrackingKind[] = ['open', 'click', 'unsubscribe'];
const TAG_BYTES = 16;
const ID_BYTES = 16;
const CIPHER = 'aes-256-ctr';
/** Characters of the longest token that is read at all: a target of 2,048 octets and what goes with it. */
const MAX_LENGTH = 4096;
const BASE64URL = /^[A-Za-z0-9_-]+$/;

/** The keys of one project. Deriving takes longer than signing: keep it. */
export class TrackingKeys {
  readonly mac: KeyObject;
  readonly cipher: KeyObject;

  constructor(masterKey: Buffer, projectId: string) {
    this.mac = derive(masterKey, `postrider tracking v1 mac ${projectId}`);
    this.cipher = derive(masterKey, `postrider tracking v1 cipher ${projectId}`);
  }
}

/** HKDF (RFC 5869) from the master key; `info` keeps uses and projects apart. */
function derive(masterKey: Buffer, info: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), info, 32)));
}

/** Throws `RangeError` for what is no message id, a number that is none, or what would be too long to be read. */
export function mintToken(keys: TrackingKeys, env: number, token: TrackingToken): string {
  const head = new ByteWriter().byte(VERSION).varint(env).bytes();
  const plain = write(token);
  const tag = tagOf(keys, head, plain);
  const cipher = createCipheriv(CIPHER, keys.cipher, tag);
  const text = Buffer.concat([head, tag, cipher.update(plain)]).toString('base64url');
  if (text.length > MAX_LENGTH) throw new RangeError(`A tracking token may have ${MAX_LENGTH} characters.`);
  return text;
}

/** Which environment a token says it is of, to find its keys; null for what is none. Proves nothing. */
export function tokenEnvironment(text: string): number | null {
  return split(text)?.env ?? null;
}

/** What a token stands for; null when it was not minted so, with these keys, for this kind of use. */
export function openToken<Kind extends TrackingKind>(
  keys: TrackingKeys,
  kind: Kind,
  text: string,
): Extract<TrackingToken, { kind: Kind }> | null {
  const parts = split(text);
  if (parts === null) return null;
  const decipher = createDecipheriv(CIPHER, keys.cipher, parts.tag);
  const plain = decipher.update(parts.body);
  if (!timingSafeEqual(tagOf(keys, parts.head, plain), parts.tag)) return null;
  const token = read(plain);
  return token?.kind === kind ? (token as Extract<TrackingToken, { kind: Kind }>) : null;
}

/** The head is of a length of its own, so what of the octets is head and what is not has one reading only. */
function tagOf({ mac }: TrackingKeys, head: Buffer, plain: Buffer): Buffer {
  return createHmac('sha256', mac).update(head).update(plain).digest().subarray(0, TAG_BYTES);
}

interface Parts {
  env: number;
  head: Buffer;
  tag: Buffer;
  body: Buffer;
}

/** One text per token: what base64 readers forgive (other alphabets, padding, loose last bits) is refused. */
function split(text: string): Parts | null {
  if (text.length > MAX_LENGTH || !BASE64URL.test(text)) return null;
  const octets = Buffer.from(text, 'base64url');
  if (octets.toString('base64url') !== text) return null;
  const reader = new ByteReader(octets);
  if (reader.byte() !== VERSION) return null;
  const env = reader.varint();
  const head = octets.subarray(0, reader.at);
  const tag = reader.take(TAG_BYTES);
  return env === null || tag === null ? null : { env, head, tag, body: reader.rest() };
}

function write(token: TrackingToken): Buffer {
  const id = decodeId('msg', token.message_id);
  if (id === null) throw new RangeError(`message_id: ${JSON.stringify(token.message_id)} is no message id.`);
  const writer = new ByteWriter().byte(KINDS.indexOf(token.kind)).add(id).varint(token.recipient);
  if (token.kind === 'click') writer.varint(token.link).add(Buffer.from(token.url));
  if (token.kind === 'unsubscribe') {
    const list = Buffer.from(token.list);
    writer.varint(list.length).add(list).add(Buffer.from(token.address));
  }
  return writer.bytes();
}

function read(plain: Buffer): TrackingToken | null {
  const reader = new ByteReader(plain);
  const kind = KINDS[reader.byte() ?? -1];
  const id = reader.take(ID_BYTES);
  const recipient = reader.varint();
  if (kind === undefined || id === null || recipient === null) return null;
  const hit = { message_id: encodeId('msg', id), recipient };
  if (kind === 'open') return reader.left === 0 ? { kind, ...hit } : null;
  const number = reader.varint();
  if (number === null) return null;
  if (kind === 'click') return { kind, ...hit, link: number, url: reader.rest().toString() };
  const list = reader.take(number);
  return list === null ? null : { kind, ...hit, list: list.toString(), address: reader.rest().toString() };
}
