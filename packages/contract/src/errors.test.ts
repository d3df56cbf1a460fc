import { describe, expect, it } from 'vitest';
import { ERRORS, problemType, type ErrorCode, type ErrorEntry } from './errors.ts';

const entries = Object.entries(ERRORS) as [ErrorCode, ErrorEntry][];

describe.each(entries)('%s', (code, { status, title, remedy }) => {
  it('has a name that fits a fragment, an error status, a title and a remedy', () => {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
    expect(title).toMatch(/^[A-Z].*[^.]$/);
    expect(remedy).toMatch(/^[A-Z].*\.$/);
    expect(problemType(code)).toBe(`/docs/errors#${code}`);
  });
});

it('keeps titles apart, so that a log line with one is enough', () => {
  const titles = entries.map(([, { title }]) => title);
  expect(new Set(titles).size).toBe(titles.length);
});
