/** Messages: what is submitted, what is answered, what is shown later. */

import type { DropReason, EnvironmentName, MessageStatus, StateSnapshot } from '../events.ts';
import type { Problem } from '../errors.ts';
import { stateSchema } from './event.ts';
import {
  answerSchema,
  COUNT,
  ENVIRONMENT,
  FLAG,
  idSchema,
  objectSchema,
  pageSchema,
  TEXT,
  TEXT_OR_NULL,
  TIME,
  TIME_OR_NULL,
  type JsonSchema,
} from './json-schema.ts';
import { CAMPAIGN_ID, METADATA, TAGS, type Labels } from './labels.ts';
import {
  MAX_ADDRESS,
  MAX_ATTACHMENTS,
  MAX_BATCH,
  MAX_FILENAME,
  MAX_MAILBOX,
  MAX_RECIPIENTS,
  MAX_REPLY_TO,
  MAX_SUBJECT,
} from './limits.ts';
import { problemSchema } from './problem.ts';

/** `ann@example.com`, `Ann <ann@example.com>`, or the two apart. */
export type MailboxInput = string | { email: string; name?: string };

export interface AttachmentInput {
  filename: string;
  /** Base64 without line breaks. */
  content: string;
  content_type?: string | null;
  /** Set for a part that the HTML shows by `cid:`. */
  content_id?: string | null;
}

/** Body of `POST /v1/messages`. At least one recipient, and at least one of `html` and `text`. */
export interface MessageBody extends Labels {
  from: MailboxInput;
  to?: MailboxInput | MailboxInput[] | null;
  cc?: MailboxInput | MailboxInput[] | null;
  bcc?: MailboxInput | MailboxInput[] | null;
  reply_to?: MailboxInput | MailboxInput[] | null;
  subject: string;
  html?: string | null;
  /** Derived from `html` when absent. */
  text?: string | null;
  headers?: Record<string, string>;
  attachments?: AttachmentInput[];
  stream?: string | null;
  track?: { opens?: boolean; clicks?: boolean } | null;
  unsubscribe?: { list?: string | null } | null;
  /** Times may have any zone. */
  send_at?: string | null;
  expires_at?: string | null;
}

const mailboxObject = {
  properties: { email: { type: 'string', minLength: 3, maxLength: MAX_ADDRESS }, name: { type: 'string' } },
  required: ['email'],
  additionalProperties: false,
};
const mailboxSchema: JsonSchema = {
  type: ['string', 'object'],
  minLength: 3,
  maxLength: MAX_MAILBOX,
  ...mailboxObject,
  description: 'An address, alone or as `Name <address>`, or both apart.',
};
function mailboxesSchema(most: number): JsonSchema {
  return {
    ...mailboxSchema,
    type: ['string', 'object', 'array', 'null'],
    items: mailboxSchema,
    maxItems: most,
    description: 'One mailbox or a list of them.',
  };
}

const attachmentSchema = objectSchema<AttachmentInput>(
  {
    filename: { type: 'string', minLength: 1, maxLength: MAX_FILENAME },
    content: { type: 'string', contentEncoding: 'base64', description: 'Base64 without line breaks.' },
    content_type: { type: ['string', 'null'], description: 'Guessed from the name when absent.' },
    content_id: { type: ['string', 'null'], description: 'Makes it an inline part, shown by `cid:`.' },
  },
  ['filename', 'content'],
);

const NAME = '^[a-z0-9][a-z0-9_-]{0,63}$';
const NAME_RULE = 'must be a name of 1 to 64 of a-z, 0-9, - and _';

export const messageBodySchema = objectSchema<MessageBody>(
  {
    from: mailboxSchema,
    to: mailboxesSchema(MAX_RECIPIENTS),
    cc: mailboxesSchema(MAX_RECIPIENTS),
    bcc: mailboxesSchema(MAX_RECIPIENTS),
    reply_to: mailboxesSchema(MAX_REPLY_TO),
    subject: { type: 'string', maxLength: MAX_SUBJECT },
    html: { type: ['string', 'null'], minLength: 1 },
    text: { type: ['string', 'null'], minLength: 1, description: 'Derived from `html` when absent.' },
    headers: { type: 'object', additionalProperties: { type: 'string' } },
    attachments: { type: 'array', maxItems: MAX_ATTACHMENTS, items: attachmentSchema },
    tags: TAGS,
    metadata: METADATA,
    campaign_id: CAMPAIGN_ID,
    stream: {
      type: ['string', 'null'],
      pattern: NAME,
      'x-rule': NAME_RULE,
      description: '`transactional` when absent, `bulk`, or one of your own.',
    },
    track: objectSchema({ opens: FLAG, clicks: FLAG }, [], {
      type: ['object', 'null'],
      description:
        'Kept with the message. It changes nothing yet: tracking comes with the transports for live mail.',
    }),
    unsubscribe: objectSchema(
      { list: { type: ['string', 'null'], pattern: NAME, 'x-rule': NAME_RULE } },
      [],
      {
        type: ['object', 'null'],
        description:
          'Kept with the message. One-click unsubscribe (RFC 8058) comes with the transports for live mail.',
      },
    ),
    send_at: TIME_OR_NULL,
    expires_at: TIME_OR_NULL,
  },
  ['from', 'subject'],
  {
    'x-unsupported': {
      template_id: 'fill in the template yourself and send `subject`, `html` and `text`',
      variables: 'fill in the template yourself and send `subject`, `html` and `text`',
    },
    example: {
      from: 'Shop <shop@example.com>',
      to: 'delivered@sandbox.test',
      subject: 'Your order',
      text: 'It is on its way.',
    },
  },
);

/** Body of `POST /v1/messages/batch`. */
export interface MessageBatchBody {
  messages: MessageBody[];
}
export const messageBatchBodySchema = objectSchema<MessageBatchBody>(
  { messages: { type: 'array', minItems: 1, maxItems: MAX_BATCH, items: messageBodySchema } },
  ['messages'],
);

/** Answer of `POST /v1/messages`: the message is on disk. */
export interface MessageAccepted {
  message_id: string;
  recipients: { address: string; status: 'accepted' | 'dropped'; reason?: DropReason }[];
}
const recipientAcceptedSchema = objectSchema<MessageAccepted['recipients'][number]>(
  {
    address: TEXT,
    status: { type: 'string', enum: ['accepted', 'dropped'] },
    reason: { type: 'string', enum: ['suppressed', 'invalid', 'expired', 'cancelled', 'policy'] },
  },
  ['address', 'status'],
);
export const messageAcceptedSchema = answerSchema<MessageAccepted>({
  message_id: idSchema('msg'),
  recipients: { type: 'array', items: recipientAcceptedSchema },
});

/** Answer of `POST /v1/messages/batch`: one entry for each message, in order. */
export interface MessageBatchAnswer {
  data: (MessageAccepted | { error: Problem })[];
}
export const messageBatchAnswerSchema = answerSchema<MessageBatchAnswer>({
  data: { type: 'array', items: { anyOf: [messageAcceptedSchema, answerSchema({ error: problemSchema })] } },
});

/** Answer of `POST /v1/messages/:id/cancel`: the recipients that will not be mailed. */
export interface MessageCancelled {
  message_id: string;
  cancelled: string[];
}
export const messageCancelledSchema = answerSchema<MessageCancelled>({
  message_id: idSchema('msg'),
  cancelled: { type: 'array', items: TEXT },
});

export interface MessageObject {
  message_id: string;
  environment: EnvironmentName;
  via: 'api' | 'smtp' | 'source';
  from: string;
  subject: string;
  stream: string;
  tags: string[];
  metadata: Record<string, string>;
  campaign_id: string | null;
  size: number;
  created_at: string;
  send_at: string | null;
  expires_at: string | null;
  cancelled_at: string | null;
  recipients: {
    address: string;
    role: 'to' | 'cc' | 'bcc';
    status: MessageStatus | null;
    state: StateSnapshot | null;
  }[];
}
export const messageSchema = answerSchema<MessageObject>({
  message_id: idSchema('msg'),
  environment: ENVIRONMENT,
  via: { type: 'string', enum: ['api', 'smtp', 'source'] },
  from: TEXT,
  subject: TEXT,
  stream: TEXT,
  tags: { type: 'array', items: TEXT },
  metadata: { type: 'object', additionalProperties: TEXT },
  campaign_id: TEXT_OR_NULL,
  size: { ...COUNT, description: 'Octets of the message as it is sent.' },
  created_at: TIME,
  send_at: TIME_OR_NULL,
  expires_at: TIME_OR_NULL,
  cancelled_at: TIME_OR_NULL,
  recipients: {
    type: 'array',
    items: answerSchema({
      address: TEXT,
      role: { type: 'string', enum: ['to', 'cc', 'bcc'] },
      status: TEXT_OR_NULL,
      state: stateSchema,
    }),
  },
});
export const messageListSchema = pageSchema(messageSchema);

export interface MailboxObject {
  name: string;
  email: string;
}
/** Answer of `GET /v1/messages/:id/content`: the parts as a mail program shows them. */
export interface MessageContent {
  subject: string;
  from: MailboxObject | null;
  to: MailboxObject[];
  cc: MailboxObject[];
  reply_to: MailboxObject[];
  date: string | null;
  html: string | null;
  text: string | null;
  headers: { name: string; value: string }[];
  attachments: {
    filename: string | null;
    content_type: string;
    disposition: string | null;
    content_id: string | null;
    size: number;
  }[];
}
const mailboxAnswer = answerSchema<MailboxObject>({ name: TEXT, email: TEXT });
export const messageContentSchema = answerSchema<MessageContent>({
  subject: TEXT,
  from: { ...mailboxAnswer, type: ['object', 'null'] },
  to: { type: 'array', items: mailboxAnswer },
  cc: { type: 'array', items: mailboxAnswer },
  reply_to: { type: 'array', items: mailboxAnswer },
  date: TEXT_OR_NULL,
  html: TEXT_OR_NULL,
  text: TEXT_OR_NULL,
  headers: { type: 'array', items: answerSchema({ name: TEXT, value: TEXT }) },
  attachments: {
    type: 'array',
    items: answerSchema({
      filename: TEXT_OR_NULL,
      content_type: TEXT,
      disposition: TEXT_OR_NULL,
      content_id: TEXT_OR_NULL,
      size: COUNT,
    }),
  },
});
