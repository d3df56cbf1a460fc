/** One spelling per mailbox, for filters and paths; what is no address is left as it is and matches nothing. */

import { parseAddrSpec } from '../accept/address.ts';

export function canonicalRecipient(text: string): string {
  const parsed = parseAddrSpec(text);
  return parsed.ok ? parsed.address : text;
}

export function canonicalRecipientOrNull(text: string | null): string | null {
  return text === null ? null : canonicalRecipient(text);
}
