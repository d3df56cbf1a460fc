/**
 * Mailchimp Transactional (Mandrill).
 * Sources: https://mailchimp.com/developer/transactional/docs/webhooks/,
 * https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/#authenticating-webhook-requests.
 *
 * A form with `mandrill_events`, signed with HMAC-SHA1, in base64, over the URL as entered at Mandrill and each field's
 * name and value, sorted by name: what is signed are the decoded fields, and not where one ends and the next begins. So
 * a body verifies only when the events are a whole JSON array, which no beginning of another one is. No event has an id
 * (`_id` is the message's) and no time is signed beside the events'. The URL is checked with HEAD, and with a POST of no
 * events that is signed with a key of its own.
 */

import type { BounceCategory } from '../events.ts';
import { decodeBase64 } from '../base64.ts';
import { equalBytes, readHeaders } from '../verify.ts';
import { defineProvider, MALFORMED } from './define-provider.ts';
import { parseForm } from './form.ts';
import {
  address,
  fields,
  id,
  metadata,
  parseJson,
  seconds,
  tags,
  text,
  url,
  utf8,
  type Fields,
} from './json-fields.ts';
import {
  refused,
  VERIFIED,
  type Mapping,
  type ProviderCredentials,
  type ProviderRequest,
  type Verification,
} from './provider.ts';
import { secretBytes } from './signatures.ts';
import { smtpReply } from './smtp-reply.ts';

const MAPPINGS: readonly Mapping[] = [
  { theirs: 'send', ours: 'accepted', note: 'sent on; `delivered` says that it was taken' },
  { theirs: 'delivered', ours: 'delivered' },
  { theirs: 'deferral', ours: 'deferred' },
  { theirs: 'soft_bounce', ours: 'soft_bounce' },
  { theirs: 'hard_bounce', ours: 'bounce' },
  { theirs: 'reject', ours: 'dropped' },
  { theirs: 'spam', ours: 'complaint' },
  { theirs: 'unsub', ours: 'unsubscribe' },
  { theirs: 'open', ours: 'open', note: 'machine: `user_agent_parsed.type` robot' },
  { theirs: 'click', ours: 'click', note: 'machine: `user_agent_parsed.type` robot' },
  { theirs: 'inbound', ours: 'received' },
  { theirs: 'blacklist', ours: 'custom', note: 'sync of the denylist' },
  { theirs: 'whitelist', ours: 'custom', note: 'sync of the allowlist' },
];

/** `bounce_description`; the page gives examples, not a list. */
const BOUNCES: ReadonlyMap<string, BounceCategory> = new Map([
  ['bad_mailbox', 'invalid_email'],
  ['invalid_domain', 'domain_not_found'],
  ['mailbox_full', 'mailbox_full'],
  ['message_too_large', 'message_too_large'],
  ['spam', 'spam'],
]);

export const mandrill = defineProvider({
  name: 'mandrill',
  title: 'Mailchimp Transactional (Mandrill)',
  documentation: 'https://mailchimp.com/developer/transactional/docs/webhooks/',
  authentication:
    'HMAC-SHA1 over URL and fields; `secret` is the webhook’s key, `options.url` the URL as entered there when it differs from the one called',
  coverage: 'content',
  maxAge: null,
  mappings: MAPPINGS,
  verify,
  isProbe: (request) =>
    request.method === 'HEAD' ||
    (request.method === 'POST' && formOf(request)?.get('mandrill_events') === '[]'),
  open: (request) => eventsOf(formOf(request)) ?? MALFORMED,
  drafts: (event) => {
    const message = fields(event['msg']);
    const reply = message['diag'] ?? lastReply(message);
    return [
      {
        type: [text(event['event']) ?? text(event['type'])],
        at: seconds(event['ts']),
        recipient: address(message['email']) ?? address(fields(event['reject'])['email']),
        messageId: id(message['_id']) ?? id(event['_id']),
        tags: tags(message['tags']),
        metadata: metadata(message['metadata']),
        reason:
          text(message['bounce_description']) ?? text(message['reject_reason']) ?? text(event['reason']),
        reply: reply === undefined ? null : smtpReply(reply),
        category: BOUNCES.get(text(message['bounce_description']) ?? '') ?? null,
        url: url(event['url']),
        userAgent: text(event['user_agent']),
        ip: text(event['ip']),
        machine: machineOf(event),
      },
    ];
  },
});

/** What the server answered last; a deferral and a delivery have only this. */
function lastReply(message: Fields): unknown {
  const attempts = message['smtp_events'];
  return Array.isArray(attempts) ? fields(attempts.at(-1))['diag'] : undefined;
}

function machineOf(event: Fields): boolean | null {
  const type = text(fields(event['user_agent_parsed'])['type']);
  return type === null ? null : type.toLowerCase() === 'robot';
}

function eventsOf(form: Map<string, string> | null): readonly unknown[] | null {
  const events = parseJson(form?.get('mandrill_events') ?? null);
  return Array.isArray(events) ? (events as unknown[]) : null;
}

function formOf(request: ProviderRequest): Map<string, string> | null {
  const body = utf8(request.rawBody);
  return body === null ? null : parseForm(body);
}

async function verify(
  request: ProviderRequest,
  { secret, options }: ProviderCredentials,
): Promise<Verification> {
  const key = secretBytes(secret);
  if (key === null) return refused('bad_secret');
  const headers = readHeaders(request.headers, ['x-mandrill-signature']);
  if (typeof headers === 'string') return refused(headers);
  const signature = decodeBase64(headers[0] as string);
  if (signature === null) return refused('malformed_header');
  const form = formOf(request);
  if (form === null || eventsOf(form) === null) return refused('malformed_body');
  const sorted = [...form].sort(([a], [b]) => (a < b ? -1 : 1));
  const signed = (options?.['url'] ?? request.url) + sorted.map(([name, value]) => name + value).join('');
  const algorithm = { name: 'HMAC', hash: 'SHA-1' };
  const imported = await crypto.subtle.importKey('raw', key, algorithm, false, ['sign']);
  const expected = await crypto.subtle.sign('HMAC', imported, new TextEncoder().encode(signed));
  return equalBytes(new Uint8Array(expected), signature) ? VERIFIED : refused('no_match');
}
