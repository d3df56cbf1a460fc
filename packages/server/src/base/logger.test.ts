import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { prettyLine } from './log-pretty.ts';
import { createLogger, silentLogger, withoutSecrets, type LoggerOptions } from './logger.ts';

function recorder(log: Partial<LoggerOptions['log']> = {}) {
  const lines: string[] = [];
  const options: LoggerOptions = {
    profile: 'production',
    log: { level: 'info', attempts: true, format: 'json', ...log },
  };
  const logger = createLogger(options, { write: (line: string) => void lines.push(line) });
  return { logger, lines };
}

const LIVE = `pr_live_${'a1B-_'.repeat(8)}xyz`;
const WHSEC = `whsec_${Buffer.alloc(32, 250).toString('base64')}`;

describe('the log', () => {
  test('is one JSON object a line, with level, time and message', () => {
    const { logger, lines } = recorder();
    logger.info({ event_id: 'evt_1', status: 200 }, 'attempt');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'info',
      event_id: 'evt_1',
      status: 200,
      msg: 'attempt',
    });
    expect(lines[0]?.endsWith('\n')).toBe(true);
    expect(Date.parse((JSON.parse(lines[0] ?? '') as { time: string }).time)).not.toBeNaN();
  });
  test('leaves out what is below its level', () => {
    const { logger, lines } = recorder({ level: 'warn' });
    logger.info({}, 'no');
    logger.debug({}, 'no');
    logger.warn({}, 'yes');
    expect(lines).toHaveLength(1);
  });
  test('keeps a line a line whatever is in it', () => {
    const { logger, lines } = recorder();
    logger.info({ text: 'a\nb\u0000"c' }, 'two\nlines');
    expect(lines[0]?.trimEnd()).not.toContain('\n');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ text: 'a\nb\u0000"c' });
  });
  test.each([
    ['a field at the top', { secret: 'hunter2' }],
    ['a field far down', { a: { b: [{ password: 'hunter2' }] } }],
    ['a header', { headers: { Authorization: 'Bearer hunter2' } }],
    ['another header', { headers: { 'x-api-key': 'hunter2' } }],
    ['a value with quotes in it', { secret: 'x"hunter2\\"hunter2' }],
    ['the text of an error', { err: new Error(`bad key ${LIVE}`) }],
    ['a URL', { url: `https://x.example/?k=${WHSEC}` }],
  ])('has no secret from %s', (_, fields) => {
    const { logger, lines } = recorder();
    logger.info(fields, 'message');
    expect(lines[0]).not.toContain('hunter2');
    expect(lines[0]).not.toContain(LIVE);
    expect(lines[0]).not.toContain(WHSEC.slice(12));
    expect(() => JSON.parse(lines[0] ?? '') as unknown).not.toThrow();
  });
  test('has none from the message either', () => {
    const { logger, lines } = recorder();
    logger.error({}, `refused ${LIVE} and ${WHSEC}`);
    expect(lines[0]).toContain('pr_live_a1B-…');
    expect(lines[0]).not.toContain(LIVE.slice(14));
  });
  test('keeps what is no secret', () => {
    const line = '{"key_id":"key_1","prefix":"pr_live_ab","idempotency":"x"}';
    expect(withoutSecrets(line)).toBe(line);
  });
  test('the silent one takes everything', () => {
    expect(() => silentLogger.error({ err: new Error('x') }, 'x')).not.toThrow();
  });
});

describe('lines for a person', () => {
  test('say time, level, message, fields, and the stack of an error', () => {
    const { logger, lines } = recorder({ format: 'pretty' });
    logger.warn({ event_id: 'evt_1', text: 'a b', err: new Error('boom') }, 'attempt failed');
    const plain = stripVTControlCharacters(lines[0] ?? '');
    expect(plain).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} warn {2}attempt failed event_id=evt_1 text="a b"\nError: boom\n/,
    );
  });
  test('pass what is no JSON', () => expect(prettyLine('plain\n')).toBe('plain\n'));
});
