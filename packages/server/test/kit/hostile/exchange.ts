/** One request and the bare socket to answer it on; what a behaviour is given. */

import type { Socket } from 'node:net';
import type { Receipt, Said } from './receipt.ts';

export type Behaviour = (exchange: Exchange) => void;

export class Exchange {
  readonly receipt: Receipt;
  readonly socket: Socket;

  constructor(receipt: Receipt, socket: Socket) {
    this.receipt = receipt;
    this.socket = socket;
  }

  /** Writes bytes as they are, and keeps what they amount to. */
  say(bytes: string | Buffer, said: Said): void {
    this.receipt.said = said;
    if (this.socket.writable) this.socket.write(bytes);
  }

  /** Does `step` every `ms` until the connection ends. */
  every(ms: number, step: () => void): void {
    const timer = setInterval(step, ms);
    this.socket.once('close', () => clearInterval(timer));
  }

  /** Does `step` once, `ms` from now, unless the connection has ended by then. */
  after(ms: number, step: () => void): void {
    const ended = (): void => clearTimeout(timer);
    const timer = setTimeout(() => {
      // The connection goes on to other requests, each with a listener of its own.
      this.socket.off('close', ended);
      step();
    }, ms);
    this.socket.once('close', ended);
  }
}

/** A whole answer. */
export function answer(status: number, headers: Record<string, string> = {}, body = ''): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Said\r\n${lines.join('')}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

export const OK = answer(200, {}, 'thanks');
