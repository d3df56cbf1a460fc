/**
 * Ids as Sendook shows them: 24 hex digits. The first 96 bits of our ids are unique by themselves, so they are
 * enough to find the object again.
 */

import { decodeId, ID_BODY_LENGTH } from '../ids.ts';

const BYTES = 12;
const SHORTEST = ID_BODY_LENGTH + 2;
const LONGEST = ID_BODY_LENGTH + 9;

/** Text that is no id of ours stays as it is. */
export function sendookId(text: string): string {
  if (text.length < SHORTEST || text.length > LONGEST) return text;
  if (text[text.length - ID_BODY_LENGTH - 1] !== '_') return text;
  const prefix = text.slice(0, -ID_BODY_LENGTH - 1);
  const bytes = /^[a-z]+$/.test(prefix) ? decodeId(prefix, text) : null;
  if (bytes === null) return text;
  let hex = '';
  for (const byte of bytes.subarray(0, BYTES)) hex += byte.toString(16).padStart(2, '0');
  return hex;
}
