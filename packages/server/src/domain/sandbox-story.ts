/** The sandbox recipients: which story an address asks for. */

/** Addresses at this domain tell a story by their local part; RFC 6761 keeps `.test` out of the real DNS. */
export const SANDBOX_DOMAIN = 'sandbox.test';

export const SANDBOX_STORIES = [
  'delivered',
  'bounce',
  'blocked',
  'mailbox-full',
  'soft-bounce',
  'defer',
  'slow',
  'unknown',
  'complaint',
  'open',
  'click',
  'unsubscribe',
] as const;
export type SandboxStory = (typeof SANDBOX_STORIES)[number];

const STORIES: ReadonlySet<string> = new Set(SANDBOX_STORIES);

/** The local part before a `+`, without regard to case; whatever names no story is `delivered`. */
export function sandboxStory(address: string): SandboxStory {
  const at = address.lastIndexOf('@');
  if (address.slice(at + 1).toLowerCase() !== SANDBOX_DOMAIN) return 'delivered';
  const name = (address.slice(0, at).split('+', 1)[0] ?? '').toLowerCase();
  return STORIES.has(name) ? (name as SandboxStory) : 'delivered';
}
