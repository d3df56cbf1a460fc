/**
 * Amazon SES through SNS: event publishing and the older notifications, enveloped or raw.
 * Sources: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html,
 * https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html; the envelope: sns.ts.
 *
 * Left open there: which of several recipients opened or clicked. Then the recipient is null.
 */

import { isValidAt } from './certificate.ts';
import { defineProvider } from './define-provider.ts';
import {
  address,
  fields,
  id,
  isoTime,
  list,
  metadata,
  messageIdHeader,
  text,
  url,
  type Fields,
} from './json-fields.ts';
import type { Draft } from './normalize.ts';
import type { Mapping } from './provider.ts';
import { sesBounces } from './ses-bounces.ts';
import { smtpReply } from './smtp-reply.ts';
import { openSns, snsReplayKey, verifySns, type SnsRules } from './sns.ts';

const HOST = /^sns\.[a-z]{2}(?:-[a-z]+)+-[0-9]+\.amazonaws\.com(?:\.cn)?$/;

const RULES: SnsRules = {
  // The retry policy of a subscription lasts an hour at most, and retries keep the first timestamp:
  // https://docs.aws.amazon.com/sns/latest/dg/creating-delivery-policy.html
  maxAge: 3_600,
  certificateHost: HOST,
  certificatePath: /^\/[A-Za-z0-9_-]+\.pem$/,
  subscribeHost: HOST,
  // The certificate comes by TLS from a host that only Amazon has.
  trusts: (certificate, _credentials, { now }) => Promise.resolve(isValidAt(certificate, now)),
};

const MAPPINGS: readonly Mapping[] = [
  { theirs: 'Send', ours: 'accepted' },
  { theirs: 'Delivery', ours: 'delivered' },
  { theirs: 'DeliveryDelay', ours: 'deferred' },
  { theirs: 'Bounce', ours: 'soft_bounce', note: 'a type that is not documented' },
  ...sesBounces('Bounce'),
  { theirs: 'Complaint', ours: 'complaint' },
  {
    theirs: 'Complaint/OnAccountSuppressionList',
    ours: 'dropped',
    note: 'complained before: on the suppression list of the account',
  },
  { theirs: 'Reject', ours: 'dropped', note: 'SES found a virus' },
  { theirs: 'Rendering Failure', ours: 'dropped', note: 'the template could not be filled' },
  { theirs: 'Open', ours: 'open' },
  { theirs: 'Click', ours: 'click' },
  { theirs: 'Subscription', ours: 'custom', note: 'preferences changed, still subscribed to something' },
  { theirs: 'Subscription/UnsubscribeAll', ours: 'unsubscribe' },
  { theirs: 'Received', ours: 'received', note: 'SES email receiving' },
  { theirs: 'AmazonSnsSubscriptionSucceeded', ours: 'custom', note: 'SES tests the topic' },
  {
    theirs: 'notice',
    ours: 'custom',
    note: 'a message that is no JSON, such as the test of an event destination',
  },
];

/** The member that tells about each type. */
const DETAIL: ReadonlyMap<string, string> = new Map([
  ['Bounce', 'bounce'],
  ['Complaint', 'complaint'],
  ['Delivery', 'delivery'],
  ['DeliveryDelay', 'deliveryDelay'],
  ['Reject', 'reject'],
  ['Rendering Failure', 'failure'],
  ['Open', 'open'],
  ['Click', 'click'],
  ['Subscription', 'subscription'],
  ['Received', 'receipt'],
]);

export const amazonSes = defineProvider({
  name: 'amazon_ses',
  title: 'Amazon SES (SNS)',
  documentation: 'https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html',
  authentication:
    'RSA signature of the SNS envelope, versions 1 and 2; `secret` is the ARN of the topic. Raw delivery: `username` and `password` in the subscribed URL',
  coverage: 'content',
  maxAge: RULES.maxAge,
  mappings: MAPPINGS,
  verify: (request, credentials, env) => verifySns(request, credentials, env, RULES),
  replayKey: snsReplayKey,
  open: (request) => {
    const opened = openSns(request, RULES);
    return 'kind' in opened ? opened : [opened];
  },
  drafts: (item) => {
    const message = fields(item['message']);
    const event = text(message['eventType']) ?? text(message['notificationType']) ?? 'notice';
    const detail = fields(message[DETAIL.get(event) ?? '']);
    const whole = {
      ...mailOf(fields(message['mail'])),
      ...detailOf(detail),
      type: typeOf(event, detail),
      payload: item['message'] ?? item['text'],
    };
    const recipients = recipientsOf(event, detail, fields(message['mail']));
    const messageId = id(item['messageId']);
    return recipients.map((recipient, index) => ({
      ...whole,
      ...recipient,
      eventId: messageId === null || recipients.length === 1 ? messageId : `${messageId}/${index}`,
    }));
  },
});

function typeOf(event: string, detail: Fields): Draft['type'] {
  if (event === 'Bounce') return [event, text(detail['bounceType']), text(detail['bounceSubType'])];
  if (event === 'Complaint') return [event, text(detail['complaintSubType'])];
  const preferences = fields(detail['newTopicPreferences']);
  return event === 'Subscription' && preferences['unsubscribeAll'] === true
    ? [event, 'UnsubscribeAll']
    : [event];
}

function mailOf(mail: Fields): Partial<Draft> {
  // Tags named `ses:…` are SES's own; a tag may have several values, of which the first is kept.
  const own = Object.entries(fields(mail['tags'])).filter(([name]) => !name.startsWith('ses:'));
  return {
    at: isoTime(mail['timestamp']),
    messageId: id(mail['messageId']),
    messageIdHeader: messageIdHeader(fields(mail['commonHeaders'])['messageId']),
    metadata: metadata(Object.fromEntries(own.map(([name, value]) => [name, list(value)[0] ?? value]))),
  };
}

function detailOf(detail: Fields): Partial<Draft> {
  const at = isoTime(detail['timestamp']);
  return {
    ...(at === null ? {} : { at }),
    reason:
      text(detail['reason']) ??
      text(detail['errorMessage']) ??
      text(detail['bounceSubType']) ??
      text(detail['delayType']) ??
      text(detail['complaintFeedbackType']),
    reply: detail['smtpResponse'] === undefined ? null : smtpReply(detail['smtpResponse']),
    url: url(detail['link']),
    userAgent: text(detail['userAgent']),
    ip: text(detail['ipAddress']),
  };
}

const AFFECTED = ['bouncedRecipients', 'complainedRecipients', 'delayedRecipients', 'recipients'];

/** One draft for each recipient the event names; where it names none, each destination, unless only one of them acted. */
function recipientsOf(event: string, detail: Fields, mail: Fields): Partial<Draft>[] {
  const affected = AFFECTED.flatMap((member) => list(detail[member]));
  const destinations = list(mail['destination']);
  if (affected.length === 0) {
    const someone = ['Open', 'Click', 'Subscription'].includes(event) && destinations.length > 1;
    if (someone || destinations.length === 0) return [{}];
    return destinations.map((destination) => ({ recipient: address(destination) }));
  }
  return affected.map((entry) => {
    if (typeof entry === 'string') return { recipient: address(entry) };
    const { emailAddress, diagnosticCode, status } = fields(entry);
    const reply = diagnosticCode ?? status;
    return {
      recipient: address(emailAddress),
      ...(reply === undefined ? {} : { reply: smtpReply(diagnosticCode, null, status) }),
    };
  });
}
