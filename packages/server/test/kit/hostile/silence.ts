/** Answers that never come to their end: the sender has to be the one who gives up. */

import { OK, type Behaviour } from './exchange.ts';

const DRIP_MS = 1_000;
const INTERIM_MS = 50;

/** Takes the request and says nothing. */
export const hanging: Behaviour = (exchange) => {
  exchange.receipt.said = 'none';
};

/** A correct answer, one byte a second: its head takes longer than anyone may wait. */
export const drippingHead: Behaviour = (exchange) => {
  let at = 0;
  exchange.every(DRIP_MS, () => exchange.say(OK.slice(at, ++at), 'none'));
};

/** The head at once, then a body of one byte a second without end. */
export const drippingBody: Behaviour = (exchange) => {
  exchange.say('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n', 'taken');
  exchange.every(DRIP_MS, () => exchange.say('.', 'taken'));
};

/** Interim answers (RFC 9110 section 15.2) without end, and never a final one. */
export const interimForever: Behaviour = (exchange) => {
  exchange.every(INTERIM_MS, () => exchange.say('HTTP/1.1 102 Processing\r\n\r\n', 'none'));
};
