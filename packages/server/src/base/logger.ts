/** The log: one JSON object a line (pino), or coloured lines on a developer's terminal. Secrets never get into it. */

import { pino, type DestinationStream } from 'pino';
import type { Config } from './config.ts';
import { prettyLine } from './log-pretty.ts';

/** What every part of the product needs of a log. Fields come first, so that the message stays the same for each kind of line. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/**
 * Fields whose value is a secret, wherever they are in a line. The finished line is searched, not the object:
 * pino's own redaction with wildcards costs 125 µs a line, a whole line with this 7, and a line is written for each attempt.
 */
const SECRET_FIELD =
  /"(secret|previous_secret|secret_sealed|previous_secret_sealed|sealed|key|api_key|admin_key|master_key|password|authorization|x-api-key|cookie)":"(?:[^"\\]|\\.)*"/gi;

/** An API key or a signing secret anywhere in a line's text. The first characters are kept: they tell keys apart. */
const SECRET_TEXT = /\b(pr_(?:live|test|admin)_|whsec_)([A-Za-z0-9+/_-]{4})[A-Za-z0-9+/_=-]{4,}/g;

export interface LoggerOptions {
  profile: Config['profile'];
  log: Config['log'];
}

/** Writes to standard output; `destination` is for tests. */
export function createLogger(options: LoggerOptions, destination?: DestinationStream): Logger {
  // Not synchronous: lines that come while one is being written go out together; the rest is flushed at exit.
  const out = destination ?? pino.destination({ dest: 1, sync: false });
  const pretty =
    options.log.format === 'pretty' ||
    (options.log.format === 'auto' && options.profile === 'development' && process.stdout.isTTY);
  return pino(
    {
      level: options.log.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: pino.stdSerializers.err, error: pino.stdSerializers.err },
      hooks: { streamWrite: (line) => (pretty ? prettyLine(withoutSecrets(line)) : withoutSecrets(line)) },
    },
    out,
  );
}

/** A JSON line without the values of secret fields, and with API keys and signing secrets cut to their first characters. */
export function withoutSecrets(line: string): string {
  return line.replace(SECRET_FIELD, '"$1":"[secret]"').replace(SECRET_TEXT, '$1$2…');
}

/** A log that keeps nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
