/**
 * The parts of an envelope's JSON text, found without parsing it. The text is ours: compact, with its members in
 * the order of `EventEnvelope`, and everything before `data` is a string or null.
 */

export interface EnvelopeText {
  /** JSON text, with quotes. */
  event_id: string;
  /** The type as it is, without quotes: types need no escapes. */
  event_type: string;
  /** ISO-8601, without quotes. */
  timestamp: string;
  /** JSON text, with quotes or `null`. */
  message_id: string;
  recipient: string;
  /** Where the object of `data` begins. */
  dataStart: number;
  /** Index right after `data`. */
  dataEnd: number;
}

const MEMBERS = [
  '{"event_id":',
  ',"event_type":',
  ',"timestamp":',
  ',"message_id":',
  ',"recipient":',
  ',"data":',
];
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Throws `SyntaxError` for text that is no envelope of ours. */
export function readEnvelopeText(text: string): EnvelopeText {
  const values: string[] = [];
  let start = 0;
  for (const [index, member] of MEMBERS.entries()) {
    // Inside a string every quote has a backslash before it, so a member's name is found in its place only.
    const at = text.indexOf(member, start);
    if (at < 0 || (index === 0 && at > 0))
      throw new SyntaxError(`The envelope has no ${member.slice(2, -2)}.`);
    if (index > 0) values.push(text.slice(start, at));
    start = at + member.length;
  }
  const [event_id, event_type, timestamp, message_id, recipient] = values as [
    string,
    string,
    string,
    string,
    string,
  ];
  return {
    event_id,
    event_type: event_type.slice(1, -1),
    timestamp: timestamp.slice(1, -1),
    message_id,
    recipient,
    dataStart: start,
    dataEnd: endOfObject(text, start),
  };
}

const ENVIRONMENT = ',"environment":"';
const CAMPAIGN = ',"campaign_id":';
const STATE = ',"state":';

/** `live` or `sandbox`, without quotes: it comes right after `data`. */
export function environmentOf(text: string, dataEnd: number): string {
  const start = dataEnd + ENVIRONMENT.length;
  if (!text.startsWith(ENVIRONMENT, dataEnd)) throw new SyntaxError('The envelope has no environment.');
  return text.slice(start, text.indexOf('"', start));
}

/**
 * JSON text, with quotes or `null`. Looked for from the end: the customer's words may come before it, but after it
 * there is only the state, which is ours.
 */
export function campaignOf(text: string): string {
  const start = text.lastIndexOf(CAMPAIGN);
  const end = text.lastIndexOf(STATE);
  if (start < 0 || end < start) throw new SyntaxError('The envelope has no campaign_id.');
  return text.slice(start + CAMPAIGN.length, end);
}

/** Index right after the object that begins at `start`. */
function endOfObject(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at + 1);
        break;
      case 0x7b: // {
        depth++;
        break;
      case 0x7d: // }
        if (--depth === 0) return at + 1;
        break;
      default:
        if (depth === 0) throw new SyntaxError('The data of the envelope is no object.');
    }
  }
  throw new SyntaxError('The data of the envelope does not end.');
}

/** Index of the closing quote. */
function endOfString(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at++;
  }
  return text.length;
}
