/** Connections that end where they should not. */

import { OK, type Behaviour } from './exchange.ts';

const PART_OF_HEAD = 'HTTP/1.1 200 OK\r\nContent-Le';

/** The request is read, and the connection closed in order, without a word. */
export const closingEarly: Behaviour = (exchange) => {
  exchange.receipt.said = 'none';
  exchange.socket.end();
};

export const closingWithinHead: Behaviour = (exchange) => {
  exchange.say(PART_OF_HEAD, 'none');
  exchange.socket.end();
};

/** RST before any byte of the answer. */
export const resettingBeforeHead: Behaviour = (exchange) => {
  exchange.receipt.said = 'none';
  exchange.socket.resetAndDestroy();
};

/** RST after a 200 head and a part of the body; it may overtake what it follows. */
export const resettingAfterHead: Behaviour = (exchange) => {
  exchange.receipt.said = 'doubtful';
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart';
  exchange.socket.write(head, () => exchange.socket.resetAndDestroy());
};

/** A whole 200, then RST: the next request on this connection finds it dead. */
export const answeringThenResetting: Behaviour = (exchange) => {
  exchange.receipt.said = 'doubtful';
  exchange.socket.write(OK, () => exchange.socket.resetAndDestroy());
};
