/** For tests: a door on a free port with a store that is a list, and a client that speaks raw octets. */

import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { silentLogger, type Logger } from '../base/logger.ts';
import type { Caller, Environment } from '../domain/tenancy.ts';
import { SmtpDoor } from './door.ts';
import type { SmtpAccess, SmtpMail, SmtpSubmissions } from './session-context.ts';
import type { SmtpSettings, SmtpTuning } from './settings.ts';

export const GOOD_KEY = 'pr_test_good';
export const READ_ONLY_KEY = 'pr_test_read';
export const ADMIN_KEY = 'pr_admin_key';

const SANDBOX: Environment = { env: 2, project_id: 'prj_1', name: 'sandbox', clock_offset_ms: 0 };

/** Knows three keys; `revoked` closes all of them, `trouble` is thrown, `hold` is awaited before. */
export class FakeAccess implements SmtpAccess {
  revoked = false;
  trouble: Error | null = null;
  hold: Promise<void> | null = null;

  async authenticate(presented: string): Promise<Caller | { admin: true; key_id: string } | null> {
    if (this.hold !== null) await this.hold;
    if (this.trouble !== null) throw this.trouble;
    if (this.revoked) return null;
    if (presented === ADMIN_KEY) return { admin: true, key_id: 'key_admin' };
    if (presented === GOOD_KEY) return { key_id: 'key_good', environment: SANDBOX, scopes: ['send'] };
    if (presented === READ_ONLY_KEY)
      return { key_id: 'key_read', environment: SANDBOX, scopes: ['read', 'manage'] };
    return null;
  }
}

/** Keeps what it gets; `failure` is thrown instead, `hold` is awaited before. */
export class FakeSubmissions implements SmtpSubmissions {
  readonly mails: SmtpMail[] = [];
  failure: unknown = null;
  hold: Promise<void> | null = null;
  /** Called as each mail arrives, before `hold`. */
  onArrival: () => void = () => {};

  async submitMime(_environment: Environment, mail: SmtpMail): Promise<{ message_id: string }> {
    this.onArrival();
    if (this.hold !== null) await this.hold;
    if (this.failure !== null) throw this.failure;
    this.mails.push(mail);
    return { message_id: `msg_${this.mails.length}` };
  }
}

export interface TestDoor {
  door: SmtpDoor;
  port: number;
  data_dir: string;
  access: FakeAccess;
  submissions: FakeSubmissions;
  close: () => Promise<void>;
}

export async function openDoor(
  config: Partial<SmtpSettings & SmtpTuning> = {},
  log: Logger = silentLogger,
): Promise<TestDoor> {
  const data_dir = await mkdtemp(join(tmpdir(), 'postrider-smtp-'));
  const access = new FakeAccess();
  const submissions = new FakeSubmissions();
  const door = new SmtpDoor({
    submissions,
    access,
    log,
    config: {
      host: '127.0.0.1',
      port: 0,
      name: 'mail.example.com',
      cert_file: '',
      key_file: '',
      plain_auth: 'loopback',
      max_connections: 50,
      max_connections_per_address: 50,
      max_auth_failures: 3,
      max_bad_commands: 20,
      idle_timeout_ms: 20_000,
      data_timeout_ms: 60_000,
      recipients: 100,
      message_bytes: 1_000_000,
      profile: 'development',
      data_dir,
      ...config,
    },
  });
  const { port } = await door.listen();
  const close = async (): Promise<void> => {
    await door.close();
    await rm(data_dir, { recursive: true, force: true });
  };
  return { door, port, data_dir, access, submissions, close };
}

/** Speaks octets and reads replies, nothing more. */
export class RawClient {
  #socket: Socket;
  #text = '';
  #ended = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen(socket);
  }

  static async connect(port: number, options: { allowHalfOpen?: boolean } = {}): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, ...options });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return client;
  }

  get socket(): Socket {
    return this.#socket;
  }

  #listen(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1');
      this.#wake();
    });
    const end = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('end', end).on('close', end).on('error', end);
  }

  async #more(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  send(data: string | Buffer): void {
    this.#socket.write(data);
  }

  /** Resolves when the octets are with the kernel. */
  async sendAll(data: Buffer): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.write(data, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** The lines of the next complete reply; rejects when the connection ends first. */
  async reply(): Promise<string[]> {
    for (;;) {
      const match = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3} [^\r\n]*\r\n/.exec(this.#text);
      if (match !== null) {
        this.#text = this.#text.slice(match[0].length);
        return match[0].split('\r\n').slice(0, -1);
      }
      if (this.#ended) throw new Error(`closed with ${JSON.stringify(this.#text)} unread`);
      await this.#more();
    }
  }

  /** Sends a line and reads one reply; the last line of it. */
  async ask(line: string): Promise<string> {
    this.send(`${line}\r\n`);
    return (await this.reply()).at(-1) ?? '';
  }

  /** Resolves when the server has ended; with what was not read as a reply. */
  async closed(): Promise<string> {
    while (!this.#ended) await this.#more();
    return this.#text;
  }

  /** After `220` to STARTTLS. */
  async startTls(): Promise<void> {
    const raw = this.#socket;
    raw.removeAllListeners('data');
    const secured = connectTls({ socket: raw, rejectUnauthorized: false });
    this.#socket = secured;
    this.#listen(secured);
    await new Promise<void>((resolve, reject) => {
      secured.once('secureConnect', resolve);
      secured.once('error', reject);
    });
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** The initial response of AUTH PLAIN for a key. */
export function plainResponse(key: string): string {
  return Buffer.from(`\0apikey\0${key}`).toString('base64');
}

/** Greeted, said EHLO, signed in with the good key. */
export async function signedIn(port: number): Promise<RawClient> {
  const client = await RawClient.connect(port);
  await client.reply();
  await client.ask('EHLO client.example.org');
  await client.ask(`AUTH PLAIN ${plainResponse(GOOD_KEY)}`);
  return client;
}
