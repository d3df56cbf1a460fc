/** One log line for a person's terminal: time, level, message, then what else there is as name=value. */

const COLOURS: Record<string, string> = {
  debug: '\x1b[2m',
  info: '\x1b[36m',
  warn: '\x1b[33m',
  error: '\x1b[31m',
};
const DIM = '\x1b[2m';
const RESET = '\x1b[0m';

/** Turns one JSON line into one readable line; a line that is no JSON object passes unchanged. */
export function prettyLine(line: string): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const { level, time, msg, err, ...fields } = entry;
  const name = String(level);
  const clock = String(time).slice(11, 23);
  const pairs = Object.entries(fields).map(([field, value]) => ` ${DIM}${field}=${RESET}${show(value)}`);
  const stack = isError(err) ? `\n${err.stack}` : '';
  return `${DIM}${clock}${RESET} ${COLOURS[name] ?? ''}${name.padEnd(5)}${RESET} ${typeof msg === 'string' ? msg : ''}${pairs.join('')}${stack}\n`;
}

function show(value: unknown): string {
  if (typeof value === 'string') return /[\s"=]/.test(value) || value === '' ? JSON.stringify(value) : value;
  return JSON.stringify(value);
}

function isError(value: unknown): value is { stack: string } {
  return (
    typeof value === 'object' && value !== null && typeof (value as { stack?: unknown }).stack === 'string'
  );
}
