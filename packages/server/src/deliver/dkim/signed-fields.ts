/** Which header fields are signed, and why. */

import type { HeaderField } from './canonical.ts';

interface SignedField {
  name: string;
  /**
   * Named once more than it is there (RFC 6376 section 8.15), so that a field added on the way breaks the signature.
   * Not for what mailing lists and relays add in good faith.
   */
  overSigned: boolean;
  why: string;
}

/** RFC 6376 section 5.4.1 says which should be; those over-signed are what a reader sees, or a client acts on. */
export const SIGNED_FIELDS: readonly SignedField[] = [
  { name: 'From', overSigned: true, why: 'must be signed; a second one would show another sender' },
  { name: 'To', overSigned: true, why: 'shown; a replayed copy could name somebody else' },
  { name: 'Cc', overSigned: true, why: 'shown, and part of "reply to all"' },
  { name: 'Subject', overSigned: true, why: 'shown; a second one would replace ours' },
  { name: 'Date', overSigned: true, why: 'shown; a replay could be dated anew' },
  { name: 'Message-ID', overSigned: true, why: 'names the message; replays must not pass for new ones' },
  { name: 'Reply-To', overSigned: true, why: 'an added one would draw the answers elsewhere' },
  { name: 'MIME-Version', overSigned: true, why: 'without it the parts would be shown as plain text' },
  { name: 'Content-Type', overSigned: true, why: 'another boundary shows another body of the same octets' },
  { name: 'List-Unsubscribe', overSigned: true, why: 'RFC 8058 section 4 asks for it; clients call its URL' },
  { name: 'List-Unsubscribe-Post', overSigned: true, why: 'RFC 8058 section 4 asks for it' },
  { name: 'Content-Transfer-Encoding', overSigned: false, why: 'says how the body is to be read' },
  { name: 'Sender', overSigned: false, why: 'shown as "on behalf of" by some' },
  { name: 'In-Reply-To', overSigned: false, why: 'puts the message into a thread' },
  { name: 'References', overSigned: false, why: 'puts the message into a thread' },
  { name: 'List-Id', overSigned: false, why: 'filters go by it; a list on the way may add its own' },
  { name: 'Feedback-ID', overSigned: false, why: 'Gmail counts complaints by it only when it is signed' },
  { name: 'Auto-Submitted', overSigned: false, why: 'tells auto-responders to be quiet' },
];

export interface Selection {
  /** The names for `h=`, in order. */
  names: string[];
  /** The fields they stand for; a name more than the header has stands for nothing. */
  fields: HeaderField[];
}

/** Of several fields of one name, the last is taken first (RFC 6376 section 5.4.2). */
export function selectFields(fields: readonly HeaderField[]): Selection {
  const byName = Map.groupBy(fields, ({ name }) => name);
  const selection: Selection = { names: [], fields: [] };
  for (const { name, overSigned } of SIGNED_FIELDS) {
    const there = byName.get(name.toLowerCase()) ?? [];
    for (const field of there.toReversed()) {
      selection.names.push(name);
      selection.fields.push(field);
    }
    if (overSigned) selection.names.push(name);
  }
  return selection;
}
