/**
 * CloudEvents 1.0 in the structured mode of its HTTP binding (https://github.com/cloudevents/spec, v1.0.2). `data` is
 * our own dialect's body, whole, so that one handler can serve both.
 *
 * `type` is `postrider.` and our name; `source` is `/postrider/` and the environment. Event ids are unique across
 * projects and installations, so `source` and `id` together are. `subject` is the recipient, else the message.
 */

import type { Dialect } from './dialect.ts';
import { environmentOf, readEnvelopeText } from './envelope-text.ts';
import { postrider } from './postrider.ts';
import { standardSigning } from './standard-signing.ts';

/** Digits of the largest `seq`. The Sequence extension wants texts that sort as the numbers do. */
const SEQUENCE_DIGITS = 16;

/**
 * What the type String of CloudEvents excludes and JSON may hold: escaped control characters and surrogates, the
 * controls U+007F to U+009F, and noncharacters.
 */
// oxlint-disable-next-line no-control-regex -- these are what is looked for
const NOT_A_STRING = /(?<!\\)(?:\\\\)*\\[bfnrtu]|[\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]/;

export const cloudevents: Dialect = {
  ...standardSigning,
  types: null,
  open: true,
  contentType: 'application/cloudevents+json; charset=utf-8',
  batchContentType: 'application/cloudevents-batch+json; charset=utf-8',
  body(envelope, seq, test = false) {
    const { event_id, event_type, timestamp, message_id, recipient, dataEnd } = readEnvelopeText(envelope);
    const subject = recipient === 'null' || NOT_A_STRING.test(recipient) ? message_id : recipient;
    return (
      `{"specversion":"1.0","id":${event_id},"source":"/postrider/${environmentOf(envelope, dataEnd)}",` +
      `"type":"postrider.${event_type}"${subject === 'null' ? '' : `,"subject":${subject}`},"time":"${timestamp}",` +
      `"sequence":"${String(seq).padStart(SEQUENCE_DIGITS, '0')}"${message_id === 'null' ? '' : `,"messageid":${message_id}`},` +
      `"datacontenttype":"application/json","data":${postrider.body(envelope, seq, test)}}`
    );
  },
};
