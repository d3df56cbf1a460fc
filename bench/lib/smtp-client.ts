/** A submission client that does as little as the protocol allows, PIPELINING (RFC 2920) included. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const CONTENT = [
  'From: Shop <shop@example.com>',
  'To: delivered@sandbox.test',
  'Subject: Your order',
  '',
  'It is on its way to you.',
  'Regards, the shop.',
  '.',
  '',
].join('\r\n');
const ENVELOPE = 'MAIL FROM:<shop@example.com>\r\nRCPT TO:<delivered@sandbox.test>\r\nDATA\r\n';

export class SmtpClient {
  readonly #socket: Socket;
  #text = '';
  #wake: () => void = () => {};
  #ended = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const end = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1');
      this.#wake();
    });
    socket.on('close', end).on('error', end);
  }

  /** Greeted, said EHLO, and signed in when there is a key. */
  static async open(port: number, key: string | null): Promise<SmtpClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    const client = new SmtpClient(socket);
    await client.#expect('220');
    client.#socket.write('EHLO bench.example.com\r\n');
    await client.#expect('250');
    if (key === null) return client;
    client.#socket.write(`AUTH PLAIN ${Buffer.from(`\0bench\0${key}`).toString('base64')}\r\n`);
    await client.#expect('235');
    return client;
  }

  /** One small message: the envelope in one piece, the content in another. */
  async send(): Promise<void> {
    this.#socket.write(ENVELOPE);
    await this.#expect('250');
    await this.#expect('250');
    await this.#expect('354');
    this.#socket.write(CONTENT);
    await this.#expect('250');
  }

  close(): void {
    this.#socket.destroy();
  }

  /** The next reply, all its lines. */
  async #expect(code: string): Promise<void> {
    for (;;) {
      const reply = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3}(?: [^\r\n]*)?\r\n/.exec(this.#text)?.[0];
      if (reply !== undefined) {
        this.#text = this.#text.slice(reply.length);
        if (!reply.startsWith(code)) throw new Error(`SMTP: wanted ${code}, got ${reply.trim()}`);
        return;
      }
      if (this.#ended) throw new Error('SMTP: the connection ended');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
