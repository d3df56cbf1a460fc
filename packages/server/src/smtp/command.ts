/** A command line taken apart (RFC 5321 section 4.1.1, with the parameters of the extensions we offer). */

export interface Command {
  verb: string;
  /** What follows the verb and its space, without trailing white space; empty when nothing does. */
  rest: string;
}

/** Verb and argument. White space after the command is let go (RFC 5321 section 4.1.1). */
export function splitCommand(line: string): Command {
  const text = line.replace(/[ \t]+$/, '');
  const space = text.indexOf(' ');
  if (space === -1) return { verb: text.toUpperCase(), rest: '' };
  return { verb: text.slice(0, space).toUpperCase(), rest: text.slice(space + 1).trimStart() };
}

/** `FROM:<path> key=value …`, taken apart but not judged. */
export interface PathCommand {
  /** Between the angle brackets. */
  path: string;
  /** Upper-case keyword to value; a keyword without `=` has null. */
  parameters: ReadonlyMap<string, string | null>;
}

export type PathRead =
  | { ok: true; command: PathCommand }
  | { ok: false; what: 'path' | 'parameter'; reason: string };

const KEYWORD = /^[A-Za-z0-9][A-Za-z0-9-]*$/;
const VALUE = /^[\x21-\x3c\x3e-\x7e]+$/;

/**
 * Takes the argument of MAIL or RCPT apart. A space after the colon is let go, since many clients send one.
 * The path ends at the first `>` outside a quoted string, so that `<"a>b"@example.com>` is one path.
 */
export function readPath(argument: string, prefix: 'FROM:' | 'TO:'): PathRead {
  if (argument.slice(0, prefix.length).toUpperCase() !== prefix) {
    return { ok: false, what: 'path', reason: `${prefix}<address> is missing` };
  }
  const text = argument.slice(prefix.length).trimStart();
  if (!text.startsWith('<')) {
    return { ok: false, what: 'path', reason: `the address must stand in angle brackets after ${prefix}` };
  }
  const end = closingBracket(text);
  if (end === -1) return { ok: false, what: 'path', reason: 'the closing angle bracket is missing' };
  const after = text.slice(end + 1);
  if (after !== '' && !after.startsWith(' ')) {
    return { ok: false, what: 'path', reason: 'a space must follow the closing angle bracket' };
  }
  return readParameters(text.slice(1, end), after);
}

function closingBracket(text: string): number {
  let quoted = false;
  for (let at = 1; at < text.length; at += 1) {
    const char = text[at];
    if (quoted && char === '\\') at += 1;
    else if (char === '"') quoted = !quoted;
    else if (char === '>' && !quoted) return at;
  }
  return -1;
}

function readParameters(path: string, text: string): PathRead {
  const parameters = new Map<string, string | null>();
  for (const word of text.split(' ')) {
    if (word === '') continue;
    const equals = word.indexOf('=');
    const keyword = equals === -1 ? word : word.slice(0, equals);
    const value = equals === -1 ? null : word.slice(equals + 1);
    if (!KEYWORD.test(keyword) || (value !== null && !VALUE.test(value))) {
      return {
        ok: false,
        what: 'parameter',
        reason: 'a parameter is not of the form KEYWORD or KEYWORD=value',
      };
    }
    const key = keyword.toUpperCase();
    if (parameters.has(key)) return { ok: false, what: 'parameter', reason: `${key} is given twice` };
    parameters.set(key, value);
  }
  return { ok: true, command: { path, parameters } };
}

/** What the parameters of MAIL ask for. */
export interface MailParameters {
  /** Octets the client announces (RFC 1870); null when it does not. */
  size: bigint | null;
  smtputf8: boolean;
}

export type MailParametersRead =
  | { ok: true; parameters: MailParameters }
  | { ok: false; name: 'bad_argument' | 'unknown_parameter'; reason: string };

const XTEXT = /^(?:<>|(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+[0-9A-F]{2})+)$/;

/** SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531) and AUTH (RFC 4954, taken and not used). */
export function readMailParameters(given: ReadonlyMap<string, string | null>): MailParametersRead {
  const parameters: MailParameters = { size: null, smtputf8: false };
  for (const [key, value] of given) {
    switch (key) {
      case 'SIZE':
        if (value === null || !/^\d{1,20}$/.test(value)) return bad('SIZE takes a number of octets');
        parameters.size = BigInt(value);
        break;
      case 'BODY':
        if (!/^(?:7BIT|8BITMIME)$/i.test(value ?? '')) return bad('BODY takes 7BIT or 8BITMIME');
        break;
      case 'SMTPUTF8':
        if (value !== null) return bad('SMTPUTF8 takes no value');
        parameters.smtputf8 = true;
        break;
      case 'AUTH':
        if (!XTEXT.test(value ?? '')) return bad('AUTH takes an address in xtext or <>');
        break;
      default:
        return {
          ok: false,
          name: 'unknown_parameter',
          reason: `MAIL parameter ${key.slice(0, 40)} is not offered`,
        };
    }
  }
  return { ok: true, parameters };
}

function bad(reason: string): MailParametersRead {
  return { ok: false, name: 'bad_argument', reason };
}

/** RFC 5321 section 4.1.1.1: a domain or an address literal. Underscores are let go: many hosts are named so. */
const HELLO_NAME = /^(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9_.])?|\[[0-9A-Za-z:.-]{2,64}\])$/;

export function isHelloName(text: string): boolean {
  return HELLO_NAME.test(text) && !text.includes('..');
}
