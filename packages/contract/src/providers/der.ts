/** A reader of DER (ITU-T X.690), as much as keys, signatures and certificates need: bounded, definite lengths only. */

export interface DerElement {
  tag: number;
  /** Where the element, its content, and what follows it begin. */
  from: number;
  start: number;
  next: number;
}

const MAX_MEMBERS = 64;

/** The element at `from`; null when it does not fit into `bytes`, or is not DER. */
export function readDer(bytes: Uint8Array, from: number, end = bytes.length): DerElement | null {
  const tag = bytes[from];
  const first = bytes[from + 1];
  // High tag numbers do not occur in what is read here.
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return null;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || lengthBytes > 3) return null;
  let length = first < 0x80 ? first : 0;
  for (let index = 0; index < lengthBytes; index++) length = length * 256 + (bytes[from + 2 + index] ?? 0);
  const start = from + 2 + lengthBytes;
  return start + length > end ? null : { tag, from, start, next: start + length };
}

/** The members of a constructed element; null when they do not fill it. */
export function readSequence(bytes: Uint8Array, outer: DerElement, tag = 0x30): DerElement[] | null {
  if (outer.tag !== tag) return null;
  const members: DerElement[] = [];
  for (let at = outer.start; at < outer.next;) {
    const member = readDer(bytes, at, outer.next);
    if (member === null || members.length === MAX_MEMBERS) return null;
    members.push(member);
    at = member.next;
  }
  return members;
}
