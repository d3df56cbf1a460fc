import { describe, expect, it } from 'vitest';
import { DEFAULT_RETRY_SCHEDULE } from '../domain/endpoint.ts';
import { judge, retryAfterMs, type Outcome } from './retry.ts';

const NOW = { env: 1_000_000_000, wall: Date.parse('2026-04-19T14:32:00Z') };
const failure = (status: number, retryAfter: string | null = null): Outcome => ({
  status,
  error: 'http',
  retryAfter,
});
const after = (outcome: Outcome, attempt = 1, random = 0.5): number | null => {
  const { next_at } = judge(outcome, attempt, DEFAULT_RETRY_SCHEDULE, NOW, () => random);
  return next_at === null ? null : next_at - NOW.env;
};

describe('judge', () => {
  it('takes an attempt without an error for delivered', () => {
    expect(judge({ status: 204, error: null, retryAfter: null }, 1, [], NOW)).toEqual({
      verdict: 'delivered',
      next_at: null,
      gone: false,
    });
  });

  it('follows the schedule, then fails', () => {
    const waits = [1, 2, 3, 4, 5, 6].map((attempt) => after(failure(500), attempt));
    expect(waits).toEqual([30_000, 300_000, 1_800_000, 7_200_000, 18_000_000, null]);
    expect(judge(failure(500), 6, DEFAULT_RETRY_SCHEDULE, NOW).verdict).toBe('failed');
    expect(judge(failure(500), 1, [], NOW).verdict).toBe('failed');
  });

  it('moves each wait by a tenth at most', () => {
    expect(after(failure(500), 1, 0)).toBe(27_000);
    expect(after(failure(500), 1, 0.999999)).toBe(33_000);
  });

  it('waits longer when 429 or 503 asks for it, never shorter', () => {
    expect(after(failure(429, '120'))).toBe(120_000);
    expect(after(failure(503, 'Sun, 19 Apr 2026 14:34:00 GMT'))).toBe(120_000);
    expect(after(failure(429, '5'))).toBe(30_000);
    expect(after(failure(500, '120'))).toBe(30_000);
    expect(after({ status: 0, error: 'reset', retryAfter: null })).toBe(30_000);
  });

  it('waits a day at most', () => {
    expect(after(failure(429, '999999'))).toBe(86_400_000);
    expect(after(failure(429, 'Sun, 19 Apr 2099 14:34:00 GMT'))).toBe(86_400_000);
  });

  it('keeps the delivery of an endpoint that is gone', () => {
    expect(judge(failure(410), 1, DEFAULT_RETRY_SCHEDULE, NOW, () => 0.5)).toEqual({
      verdict: 'retry',
      next_at: NOW.env + 30_000,
      gone: true,
    });
  });
});

describe('retryAfterMs', () => {
  it.each([
    [null, 0],
    ['', 0],
    ['soon', 0],
    ['-5', 0],
    ['1.5', 0],
    ['1e9', 0],
    ['2026-04-19', 0],
    ['0', 0],
    [' 7 ', 7000],
    ['Sun, 19 Apr 2026 14:31:00 GMT', 0],
    ['Sun, 19 Apr 2026 14:32:30 GMT', 30_000],
    ['Sunday, 19-Apr-26 14:32:30 GMT', 30_000],
    ['Sun Apr 19 14:32:30 2026', 30_000],
    ['99999999999999999', 86_400_000],
    ['9'.repeat(400), 86_400_000],
    ['+7', 0],
    ['0x10', 0],
    ['7 seconds', 0],
    ['7, 99', 0],
    ['Sun, 19 Apr 2026 14:32:30 UTC', 30_000],
    ['Sun, 99 Apr 2026 14:32:30 GMT', 0],
    ['Sun, 19 Apr 1926 14:32:30 GMT', 0],
    ['Sun, 19 Apr 9999 14:32:30 GMT', 86_400_000],
    ['Sunday', 0],
  ])('reads %j as %d ms', (value, ms) => {
    expect(retryAfterMs(value, NOW.wall)).toBe(ms);
  });
});
