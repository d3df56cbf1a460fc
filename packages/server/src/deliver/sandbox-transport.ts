/**
 * The transport of the sandbox: nothing leaves the machine, and the recipient's address tells the story
 * (API.md, "Sandbox recipients"). It keeps no state: the number of the attempt is all it needs to know.
 */

import { createHash } from 'node:crypto';
import type { BounceCategory, OpenData } from '@postrider/contract/events';
import type { OutgoingRecipient } from '../domain/message.ts';
import type { Deferred, Delivered, FollowUp, Outcome, SmtpReply } from '../domain/outcome.ts';
import { sandboxStory, type SandboxStory } from '../domain/sandbox-story.ts';
import { firstLink, type MessageContent } from './first-link.ts';
import type { Transport } from './transport.ts';

/** `slow@sandbox.test` is delivered this long after its first attempt, on the environment's clock. */
export const SLOW_MS = 60_000;

const SERVER = 'mx.sandbox.test';
const FALLBACK_LINK = 'https://example.com/';

/** A reader as the events of real ones look; the address is of a documentation range (RFC 5737). */
const READER: OpenData = {
  ip: '203.0.113.42',
  user_agent:
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36',
  os: 'Windows 10',
  client: 'Chrome 124.0',
  machine: false,
};

export interface SandboxTransportOptions {
  /** Waits between the attempts of recipients that defer, in seconds of the environment's clock; the last one repeats. */
  deferral_seconds: readonly number[];
  /** The rendered parts of a message, for the link that is clicked; null when it is not there any more. */
  content: (env: number, message_id: string) => Promise<MessageContent | null>;
}

export class SandboxTransport implements Transport {
  readonly name = 'sandbox';
  readonly #options: SandboxTransportOptions;

  constructor(options: SandboxTransportOptions) {
    this.#options = options;
  }

  async send(item: OutgoingRecipient, attempt: number): Promise<Outcome> {
    const story = STORIES[sandboxStory(item.recipient)];
    const step = story[Math.min(attempt, story.length) - 1] ?? delivered;
    const outcome = await step(item, this.#options);
    return outcome.kind === 'deferred' ? this.#scheduled(outcome, attempt) : outcome;
  }

  #scheduled(outcome: Deferred, attempt: number): Deferred {
    const waits = this.#options.deferral_seconds;
    const seconds = waits[Math.min(attempt, waits.length) - 1] ?? 1;
    return { ...outcome, retry_after_ms: seconds * 1000 };
  }
}

/** What comes of one attempt; the last step of a story repeats. */
type Step = (item: OutgoingRecipient, options: SandboxTransportOptions) => Outcome | Promise<Outcome>;

const MAILBOX_FULL = reply(452, '4.2.2', 'The email account that you tried to reach is over quota');
const TROUBLE = reply(451, '4.3.0', 'Mail server temporarily rejected message');
const GREYLISTED = reply(451, '4.7.1', 'Greylisting in action, please come back later');
/** No reply came, so there is no code to tell (RFC 3463 X.4.2, bad connection, is our own finding). */
const LINK_DIED: SmtpReply = {
  smtp_code: null,
  enhanced_code: '4.4.2',
  smtp_message: 'The connection was lost after the end of the message, before a reply came',
};

const COMPLAINT: FollowUp = {
  event_type: 'complaint',
  data: { complaint_type: 'abuse', feedback_type: 'abuse', user_agent: 'Postrider-Sandbox-FBL/1.0' },
};
const UNSUBSCRIBE: FollowUp = { event_type: 'unsubscribe', data: { method: 'one_click', list: null } };
const OPEN: FollowUp = { event_type: 'open', data: READER };

const STORIES: Readonly<Record<SandboxStory, readonly Step[]>> = {
  delivered: [delivered],
  bounce: [
    bounce('5.1.1', 'The email account that you tried to reach does not exist', 'invalid_email', true),
  ],
  blocked: [bounce('5.7.1', 'Message rejected: the sender is on a block list', 'blocked', false)],
  'mailbox-full': [defer(MAILBOX_FULL), defer(MAILBOX_FULL), giveUp(MAILBOX_FULL, 'mailbox_full')],
  'soft-bounce': [defer(TROUBLE), giveUp(TROUBLE, 'other')],
  defer: [defer(GREYLISTED), defer(GREYLISTED), delivered],
  // The wait counts as an attempt, so that the next one knows that it is over.
  slow: [() => ({ kind: 'later', after_ms: SLOW_MS, counts: true }), delivered],
  unknown: [() => ({ kind: 'deferred', ...LINK_DIED, unknown: true }), delivered],
  complaint: [(item) => ({ ...delivered(item), follow_ups: [COMPLAINT] })],
  open: [(item) => ({ ...delivered(item), follow_ups: [OPEN] })],
  click: [
    async (item, options) => ({ ...delivered(item), follow_ups: [OPEN, await clickOn(item, options)] }),
  ],
  unsubscribe: [(item) => ({ ...delivered(item), follow_ups: [UNSUBSCRIBE] })],
};

function reply(code: number, enhanced: string, text: string): SmtpReply {
  return { smtp_code: code, enhanced_code: enhanced, smtp_message: text };
}

function delivered(item: OutgoingRecipient): Delivered {
  return {
    kind: 'delivered',
    smtp_response: `250 2.0.0 OK queued as ${item.message_id.slice(-10)}`,
    server: SERVER,
  };
}

function defer(said: SmtpReply): Step {
  return () => ({ kind: 'deferred', ...said });
}

function giveUp(said: SmtpReply, bounce_category: BounceCategory): Step {
  return () => ({ kind: 'soft_bounce', ...said, bounce_category });
}

function bounce(enhanced: string, text: string, category: BounceCategory, suppress: boolean): Step {
  const said = reply(550, enhanced, text);
  return () => ({
    kind: 'bounce',
    ...said,
    bounce_category: category,
    rule: `sandbox.${category}`,
    suppress,
  });
}

async function clickOn(item: OutgoingRecipient, options: SandboxTransportOptions): Promise<FollowUp> {
  const content = await options.content(item.env, item.message_id);
  const url = (content === null ? null : firstLink(content)) ?? FALLBACK_LINK;
  return { event_type: 'click', data: { ...READER, link_id: linkId(item.message_id, url), url } };
}

/** The same link of the same message always has the same id. */
function linkId(message_id: string, url: string): string {
  return `lnk_${createHash('sha256').update(`${message_id}\n${url}`).digest('hex').slice(0, 26)}`;
}
