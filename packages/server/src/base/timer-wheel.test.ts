import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TimerWheel } from './timer-wheel.ts';

describe('TimerWheel', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('fires once, never early and at most two slots late', () => {
    const wheel = new TimerWheel(50, 8);
    const start = performance.now();
    const late: number[] = [];
    // Longer than one round of the wheel (8 * 50 ms) included.
    for (const ms of [0, 1, 49, 50, 51, 399, 400, 401, 1000, 5000]) {
      wheel.after(ms, () => late.push(performance.now() - start - ms));
    }
    vi.advanceTimersByTime(10_000);
    expect(late).toHaveLength(10);
    for (const by of late) {
      expect(by).toBeGreaterThanOrEqual(0);
      expect(by).toBeLessThanOrEqual(101);
    }
    expect(wheel.pending).toBe(0);
  });

  it('holds the promise when it starts in the middle of a slot', () => {
    const wheel = new TimerWheel(50, 8);
    vi.advanceTimersByTime(1234);
    const start = performance.now();
    let at = -1;
    wheel.after(10, () => (at = performance.now() - start));
    vi.advanceTimersByTime(200);
    expect(at).toBeGreaterThanOrEqual(10);
    expect(at).toBeLessThanOrEqual(111);
  });

  it('does not fire what was cancelled, also by a neighbour of the same slot', () => {
    const wheel = new TimerWheel(50, 8);
    const fired: string[] = [];
    const cancelled = wheel.after(10, () => fired.push('cancelled'));
    wheel.cancel(cancelled);
    wheel.cancel(cancelled);
    expect(wheel.pending).toBe(0);
    wheel.after(20, () => {
      fired.push('first');
      wheel.cancel(second);
    });
    const second = wheel.after(20, () => fired.push('second'));
    vi.advanceTimersByTime(500);
    expect(fired).toEqual(['first']);
  });

  it('takes new timeouts from within a firing one', () => {
    const wheel = new TimerWheel(50, 8);
    let count = 0;
    const again = () => {
      count++;
      if (count < 5) wheel.after(50, again);
    };
    wheel.after(50, again);
    vi.advanceTimersByTime(2000);
    expect(count).toBe(5);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps no timer while nothing is pending, and forgets all on stop', () => {
    const wheel = new TimerWheel(50, 8);
    expect(vi.getTimerCount()).toBe(0);
    let fired = false;
    wheel.after(10, () => (fired = true));
    expect(vi.getTimerCount()).toBe(1);
    wheel.stop();
    vi.advanceTimersByTime(1000);
    expect(fired).toBe(false);
    expect(wheel.pending).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
