/**
 * One connection: octets in, octets out, and everything that can go wrong with a socket. What the octets mean
 * is the session's business.
 */

import type { Socket } from 'node:net';
import { TLSSocket, type SecureContext } from 'node:tls';
import { DataReader } from './data-reader.ts';
import { LineReader } from './line-reader.ts';
import { renderReply, reply, type Reply, type ReplyName } from './replies.ts';
import type { SessionContext } from './session-context.ts';
import { Session } from './session.ts';

/**
 * command: lines. data: content of a message. tls: handshake under way. closed: the last reply is written,
 * what still comes is thrown away.
 */
type Mode = 'command' | 'data' | 'tls' | 'closed';

/** Replies are gathered up to this, so that a pipelined group is answered with one write (RFC 2920 section 3.2). */
const OUT_OCTETS = 8192;
/** RFC 5321 section 4.5.3.2.5: how long to wait for the next chunk of DATA. */
const DATA_CHUNK_TIMEOUT_MS = 180_000;
/** For the last reply to leave when the grace time is over. */
const ABORT_MS = 250;

export class Connection {
  readonly #context: SessionContext;
  readonly #session: Session;
  readonly #tls: () => SecureContext | null;
  #socket: Socket;
  #mode: Mode = 'command';
  #lines = new LineReader();
  #data: DataReader | null = null;
  /** Octets that came while a command was being carried out. Reading is paused then, so this stays short. */
  #queue: Buffer[] = [];
  #busy = false;
  #ended = false;
  #stopping = false;
  #out = '';
  /** Something was answered since the timer was set: only that gives the client its time anew. */
  #answered = false;
  #timer: NodeJS.Timeout | null = null;
  #dataTimer: NodeJS.Timeout | null = null;
  readonly #gone = Promise.withResolvers<void>();

  constructor(socket: Socket, context: SessionContext, tls: () => SecureContext | null) {
    this.#socket = socket;
    this.#context = context;
    this.#tls = tls;
    this.#session = new Session(context);
  }

  /** Settles once the socket is closed for good. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  start(): void {
    this.#attach(this.#socket);
    this.#say(this.#session.greeting());
    void this.#flush();
    this.#wait(this.#context.settings.idle_timeout_ms);
  }

  /** Says 421 at once when nothing is under way, else after the running transaction. */
  shutDown(): void {
    this.#stopping = true;
    if (this.#mode === 'tls') this.#socket.destroy();
    else if (this.#isIdle()) this.#close('shutting_down');
  }

  /** Ends a running transaction too; a message that is with the store already may still be kept. */
  abort(): void {
    if (this.#mode === 'command' || this.#mode === 'data') this.#close('shutting_down');
    this.#stopTimers();
    this.#timer = setTimeout(() => this.#socket.destroy(), ABORT_MS);
  }

  #isIdle(): boolean {
    return this.#mode === 'command' && !this.#busy && !this.#session.inTransaction;
  }

  #attach(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('end', () => this.#half());
    socket.on('close', () => this.#closed(socket));
    // A reset or a broken TLS record: `close` follows and does what is to be done.
    socket.on('error', (error: Error) => {
      this.#context.log.debug({ remote: this.#context.remote, err: error }, 'smtp.socket_error');
    });
  }

  // ---------------------------------------------------------------- in

  #receive(chunk: Buffer): void {
    if (this.#mode === 'closed') return;
    this.#queue.push(chunk);
    if (!this.#busy) void this.#pump();
  }

  /** The client will send no more. What it sent is still carried out and answered. */
  #half(): void {
    this.#ended = true;
    if (!this.#busy) this.#finishHalf();
  }

  #finishHalf(): void {
    if (this.#mode === 'closed') return;
    if (this.#data !== null) {
      this.#context.log.info({ remote: this.#context.remote, size: this.#data.size }, 'smtp.cut_off');
    }
    this.#enterClosed();
  }

  async #pump(): Promise<void> {
    this.#busy = true;
    try {
      // Content needs no answer until its end, so most chunks never pause the socket.
      if (this.#mode !== 'data') this.#socket.pause();
      for (let chunk = this.#queue.shift(); chunk !== undefined; chunk = this.#queue.shift()) {
        await this.#consume(chunk);
      }
      await this.#flush();
    } catch (error) {
      this.#context.log.error({ remote: this.#context.remote, err: error }, 'smtp.connection_failed');
      this.#socket.destroy();
    } finally {
      this.#busy = false;
    }
    this.#rest();
  }

  /** What follows when all that came is carried out. */
  #rest(): void {
    if (this.#queue.length > 0) {
      void this.#pump();
      return;
    }
    if (this.#ended) this.#finishHalf();
    else if (this.#stopping && this.#isIdle()) this.#close('shutting_down');
    if (this.#mode === 'tls') return;
    if (this.#mode === 'command' && this.#answered) this.#wait(this.#context.settings.idle_timeout_ms);
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  async #consume(chunk: Buffer): Promise<void> {
    let at = 0;
    while (at < chunk.length) {
      if (this.#mode === 'data') {
        const end = this.#readData(chunk, at);
        if (end === -1) return;
        at = end;
        await this.#endData();
      } else if (this.#mode === 'command') {
        at = await this.#readLine(chunk, at);
      } else {
        // Closed; or TLS is about to start, and whatever was sent in the clear before it does not count
        // (RFC 3207 section 6, CVE-2011-0411).
        this.#queue = [];
        return;
      }
      if (this.#out.length > OUT_OCTETS) await this.#flush();
    }
  }

  async #readLine(chunk: Buffer, at: number): Promise<number> {
    const read = this.#lines.read(chunk, at);
    switch (read.kind) {
      case 'more':
        return chunk.length;
      case 'line':
        // The client is not late while we work.
        clearTimeout(this.#timer ?? undefined);
        this.#answer(await this.#session.line(read.text, read.octets));
        break;
      case 'malformed':
        this.#answer(this.#session.broken('malformed_line', read.reason));
        break;
      case 'too_long':
        this.#answer(this.#session.broken('line_too_long'));
        break;
      default:
        this.#answer(reply(read.kind === 'endless' ? 'endless_line' : 'bare_lf'));
        return chunk.length;
    }
    return at + read.used;
  }

  #readData(chunk: Buffer, at: number): number {
    const data = this.#data;
    if (data === null) throw new Error('data mode without a reader');
    this.#timer?.refresh();
    return data.read(chunk, at);
  }

  #startData(): void {
    const { message_bytes, idle_timeout_ms, data_timeout_ms } = this.#context.settings;
    this.#data = new DataReader(message_bytes, this.#context.pending);
    this.#mode = 'data';
    this.#dataTimer = setTimeout(() => this.#close('timed_out'), data_timeout_ms);
    this.#wait(Math.min(idle_timeout_ms, DATA_CHUNK_TIMEOUT_MS));
  }

  async #endData(): Promise<void> {
    const data = this.#data;
    if (data === null) throw new Error('data mode without a reader');
    this.#data = null;
    this.#mode = 'command';
    this.#stopTimers();
    this.#socket.pause();
    try {
      this.#answer(await this.#session.content(data.end()));
    } finally {
      data.release();
    }
  }

  // ---------------------------------------------------------------- out

  #answer(answer: Reply): void {
    if (this.#mode === 'closed') return;
    this.#answered = true;
    this.#say(answer);
    if (answer.entry.closes === true) this.#enterClosed();
    else if (answer.name === 'start_data') this.#startData();
    else if (answer.name === 'tls_ready') this.#upgrade();
  }

  #say(answer: Reply): void {
    this.#out += renderReply(answer);
  }

  /** Writes what was gathered, and waits while the client does not read its replies. */
  async #flush(): Promise<void> {
    this.#write();
    if (!this.#socket.writableNeedDrain || this.#socket.destroyed) return;
    this.#wait(this.#context.settings.idle_timeout_ms, () => this.#socket.destroy());
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = this.#socket;
    socket.once('drain', resolve);
    socket.once('close', resolve);
    await promise;
    socket.off('drain', resolve);
    socket.off('close', resolve);
  }

  #write(): void {
    const out = this.#out;
    this.#out = '';
    if (out !== '' && this.#socket.writable) this.#socket.write(out, 'latin1');
  }

  // ---------------------------------------------------------------- TLS

  #upgrade(): void {
    const secureContext = this.#tls();
    if (secureContext === null) throw new Error('STARTTLS was offered without a certificate');
    const raw = this.#socket;
    this.#write();
    this.#mode = 'tls';
    this.#queue = [];
    // What the kernel had delivered but nobody had read was sent in the clear, too.
    while (raw.read() !== null);
    raw.removeAllListeners('data').removeAllListeners('end').removeAllListeners('close');
    const secured = new TLSSocket(raw, { isServer: true, secureContext, requestCert: false });
    secured.on('close', () => raw.destroy());
    this.#socket = secured;
    this.#attach(secured);
    secured.once('secure', () => {
      if (this.#mode !== 'tls') return;
      this.#mode = 'command';
      this.#lines = new LineReader();
      this.#session.secured();
      this.#wait(this.#context.settings.idle_timeout_ms);
      if (this.#stopping) this.#close('shutting_down');
    });
    this.#wait(this.#context.settings.tls_handshake_timeout_ms, () => secured.destroy());
  }

  // ---------------------------------------------------------------- time, end

  #wait(ms: number, late: () => void = () => this.#close('timed_out')): void {
    if (this.#mode === 'closed') return;
    clearTimeout(this.#timer ?? undefined);
    this.#answered = false;
    this.#timer = setTimeout(late, ms);
  }

  #stopTimers(): void {
    clearTimeout(this.#timer ?? undefined);
    clearTimeout(this.#dataTimer ?? undefined);
  }

  #close(name: ReplyName): void {
    if (this.#mode === 'closed') return;
    this.#say(reply(name));
    this.#enterClosed();
  }

  /** Our side ends. The other gets a while to read the last reply: closing with octets unread would reset it away. */
  #enterClosed(): void {
    this.#stopTimers();
    this.#mode = 'closed';
    this.#queue = [];
    this.#write();
    this.#socket.end();
    this.#socket.resume();
    this.#timer = setTimeout(() => this.#socket.destroy(), this.#context.settings.linger_timeout_ms);
    this.#data?.release();
    this.#data = null;
  }

  #closed(socket: Socket): void {
    if (socket !== this.#socket) return;
    if (this.#data !== null) {
      this.#context.log.info({ remote: this.#context.remote, size: this.#data.size }, 'smtp.cut_off');
    }
    this.#stopTimers();
    this.#mode = 'closed';
    this.#queue = [];
    this.#data?.release();
    this.#data = null;
    this.#gone.resolve();
  }
}
