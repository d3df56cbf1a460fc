/** AUTH (RFC 4954) with an API key as password, and who the session is. */

import type { Caller } from '../domain/tenancy.ts';
import { reply, type Reply } from './replies.ts';
import { decodeResponse, LOGIN_PASSWORD, LOGIN_USERNAME, plainPassword } from './sasl.ts';
import type { SessionContext } from './session-context.ts';

type Answer = Reply | Promise<Reply>;

interface Identity {
  caller: Caller;
  /** Kept to ask again before each message, so that a revoked key stops at once. Never logged. */
  key: string;
}

export class Authentication {
  readonly #context: SessionContext;
  #identity: Identity | null = null;
  /** Takes the next line when an exchange is under way. */
  #exchange: ((line: string) => Answer) | null = null;
  #failures = 0;

  constructor(context: SessionContext) {
    this.#context = context;
  }

  get caller(): Caller | null {
    return this.#identity?.caller ?? null;
  }

  /** The next line is a response, not a command. */
  get exchanging(): boolean {
    return this.#exchange !== null;
  }

  /** Everything but the number of failures. */
  forget(): void {
    this.#identity = null;
    this.#exchange = null;
  }

  /** Ends an exchange without an answer; whether there was one. */
  breakOff(): boolean {
    const was = this.#exchange !== null;
    this.#exchange = null;
    return was;
  }

  /** The argument of AUTH, where the session allows AUTH at all. */
  start(argument: string): Answer {
    const [mechanism = '', initial, ...more] = argument.split(/ +/);
    if (mechanism === '' || more.length > 0) {
      return reply('bad_argument', 'AUTH takes a mechanism and at most one response');
    }
    // RFC 4954 section 4: `=` is an initial response of no octets.
    const response = initial === '=' ? '' : initial;
    switch (mechanism.toUpperCase()) {
      case 'PLAIN':
        return response === undefined ? this.#ask('', (line) => this.#plain(line)) : this.#plain(response);
      case 'LOGIN':
        return response === undefined
          ? this.#ask(LOGIN_USERNAME, (line) => this.#loginUsername(line))
          : this.#loginUsername(response);
      default:
        return reply('unknown_mechanism');
    }
  }

  /** A line while `exchanging`. */
  respond(line: string): Answer {
    const exchange = this.#exchange;
    if (exchange === null) return reply('bad_sequence');
    this.#exchange = null;
    return line === '*' ? reply('auth_cancelled') : exchange(line);
  }

  /** Null when the key still opens the door. */
  async refusal(): Promise<Reply | null> {
    const identity = this.#identity;
    if (identity === null) return reply('auth_required');
    const found = await this.#look(identity.key);
    if ('trouble' in found) return reply('auth_trouble');
    if ('reason' in found) {
      this.#identity = null;
      return reply('auth_required', `${found.reason}; authenticate anew`);
    }
    identity.caller = found;
    return null;
  }

  #ask(challenge: string, next: (line: string) => Answer): Reply {
    this.#exchange = next;
    return reply('challenge', challenge);
  }

  #plain(response: string): Answer {
    const decoded = decodeResponse(response);
    const password = decoded === null ? null : plainPassword(decoded);
    return password === null ? reply('bad_base64') : this.#signIn(password);
  }

  #loginUsername(response: string): Answer {
    if (decodeResponse(response) === null) return reply('bad_base64');
    return this.#ask(LOGIN_PASSWORD, (line) => this.#loginPassword(line));
  }

  #loginPassword(response: string): Answer {
    const password = decodeResponse(response);
    return password === null ? reply('bad_base64') : this.#signIn(password);
  }

  async #signIn(key: string): Promise<Reply> {
    const found = await this.#look(key);
    if ('trouble' in found) return reply('auth_trouble');
    if ('reason' in found) return this.#failed(found.reason);
    this.#identity = { caller: found, key };
    return reply('authenticated');
  }

  #failed(reason: string): Reply {
    this.#failures += 1;
    const { log, metrics, remote, settings } = this.#context;
    metrics.authFailure();
    log.warn({ remote, reason, failures: this.#failures }, 'smtp.auth_failed');
    return this.#failures >= settings.max_auth_failures
      ? reply('too_many_failed_auth')
      : reply('key_refused', reason);
  }

  /** The caller behind a key, why it may not send, or that nobody can tell now. */
  async #look(key: string): Promise<Caller | { reason: string } | { trouble: true }> {
    const { access, log, remote } = this.#context;
    try {
      const found = await access.authenticate(key);
      if (found === null) return { reason: 'The password is not a valid API key' };
      if ('admin' in found) {
        return { reason: "An administrator's key sends no mail; use a key of an environment" };
      }
      return found.scopes.includes('send') ? found : { reason: 'The API key lacks the scope send' };
    } catch (error) {
      log.error({ err: error, remote }, 'smtp.auth_trouble');
      return { trouble: true };
    }
  }
}
