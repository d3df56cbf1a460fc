/** Answers that are not what they say they are, or are no answers at all. */

import type { Behaviour } from './exchange.ts';

const HEADERS_BYTES = 256 * 1024;

/** Announces more than it sends, and ends. */
export const lengthTooLong: Behaviour = (exchange) => {
  exchange.say('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort', 'taken');
  exchange.socket.end();
};

/** Announces less than it sends: the rest lies on the connection, where the next answer would begin. */
export const lengthTooShort: Behaviour = (exchange) =>
  exchange.say(
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok, and then much that nobody asked for',
    'taken',
  );

/** A 200 whose second chunk has no length. */
export const chunkedGarbage: Behaviour = (exchange) => {
  exchange.say('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwell\r\n', 'taken');
  exchange.say('zz not a length\r\n\0\0\0', 'taken');
};

/** Not HTTP. */
export const garbage: Behaviour = (exchange) => exchange.say('\0\x01SSH-2.0-no\r\n\r\n\xff\xfe', 'refused');

/** A 200 with more header than anybody reads. */
export const hugeHeaders: Behaviour = (exchange) =>
  exchange.say(`HTTP/1.1 200 OK\r\nX-Much: ${'x'.repeat(HEADERS_BYTES)}\r\n\r\n`, 'doubtful');
