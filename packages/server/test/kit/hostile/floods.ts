/** Bodies that would fill a memory that keeps them. */

import type { Behaviour, Exchange } from './exchange.ts';

const GIGABYTE = 2 ** 30;
const PIECE = Buffer.alloc(256 * 1024, 'x');

/** A body of one gigabyte, as fast as it is taken. */
export const gigabyteBody: Behaviour = (exchange) => {
  exchange.say(`HTTP/1.1 200 OK\r\nContent-Length: ${GIGABYTE}\r\n\r\n`, 'taken');
  pour(exchange, GIGABYTE, (piece) => piece);
};

/** A body in chunks without a last one. */
export const endlessBody: Behaviour = (exchange) => {
  exchange.say('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 'taken');
  const chunk = Buffer.concat([Buffer.from(`${PIECE.length.toString(16)}\r\n`), PIECE, Buffer.from('\r\n')]);
  pour(exchange, Infinity, () => chunk);
};

/** Writes only what the peer takes, so that the flood is the peer's to bear and not this process's. */
function pour({ socket }: Exchange, bytes: number, pieceOf: (piece: Buffer) => Buffer): void {
  let left = bytes;
  const more = (): void => {
    while (left > 0 && socket.writable) {
      const piece = pieceOf(left < PIECE.length ? PIECE.subarray(0, left) : PIECE);
      left -= piece.length;
      if (!socket.write(piece)) return;
    }
    socket.off('drain', more);
  };
  socket.on('drain', more);
  more();
}
