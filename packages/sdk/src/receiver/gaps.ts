/**
 * Which `seq`s of a lane never came. The store knows every event that did; this looks at what is new in it, remembers the
 * holes, and reports those that stay open: events overtake one another, and a failed push comes back hours later.
 */

import type { ReceiverStore } from './store.ts';

export interface Gap {
  lane: string;
  /** First and last missing `seq`. */
  from: number;
  to: number;
  /** When it was first seen. */
  since: number;
}

interface LaneState {
  /** Highest `seq` looked at. */
  through: number;
  holes: { from: number; to: number; since: number; reported: boolean }[];
}

export interface GapOptions {
  store: Pick<ReceiverStore, 'seqs' | 'lane' | 'setLane'>;
  lane: string;
  /** Milliseconds a hole stays open before it is reported. */
  grace: number;
}

const PAGE = 1_000;
/** More holes than this are kept as fewer, wider ones; a wider one is asked for again in full. */
const MAX_HOLES = 1_000;
const MAX_PAGES = 100;

/** Looks once. Gives all open holes, and those among them that are now to be reported for the first time. */
export async function findGaps(options: GapOptions, now: number): Promise<{ open: Gap[]; overdue: Gap[] }> {
  const { store, lane, grace } = options;
  const text = await store.lane(lane);
  const state: LaneState = text === null ? { through: 0, holes: [] } : (JSON.parse(text) as LaneState);
  state.holes = await stillOpen(options, state.holes);
  await lookAhead(options, state, now);
  state.holes = widen(state.holes);
  const overdue = state.holes.filter((hole) => !hole.reported && now - hole.since >= grace);
  for (const hole of overdue) hole.reported = true;
  const after = JSON.stringify(state);
  if (after !== text) await store.setLane(lane, after);
  const gap = ({ from, to, since }: LaneState['holes'][number]): Gap => ({ lane, from, to, since });
  return { open: state.holes.map(gap), overdue: overdue.map(gap) };
}

async function stillOpen(
  { store, lane }: GapOptions,
  holes: LaneState['holes'],
): Promise<LaneState['holes']> {
  const open: LaneState['holes'] = [];
  for (const hole of holes) {
    let from = hole.from;
    for (let pages = 0; pages < MAX_PAGES; pages++) {
      const came = await store.seqs(lane, { from, to: hole.to, limit: PAGE });
      for (const seq of came) {
        if (seq > from) open.push({ ...hole, from, to: seq - 1 });
        from = seq + 1;
      }
      if (came.length < PAGE) break;
    }
    if (from <= hole.to) open.push({ ...hole, from });
  }
  return open;
}

async function lookAhead({ store, lane }: GapOptions, state: LaneState, now: number): Promise<void> {
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const came = await store.seqs(lane, {
      from: state.through + 1,
      to: Number.MAX_SAFE_INTEGER,
      limit: PAGE,
    });
    for (const seq of came) {
      // A lane is as old as the endpoint; the receiver answers for what comes after its first event.
      if (state.through > 0 && seq > state.through + 1)
        state.holes.push({ from: state.through + 1, to: seq - 1, since: now, reported: false });
      state.through = seq;
    }
    if (came.length < PAGE) return;
  }
}

function widen(holes: LaneState['holes']): LaneState['holes'] {
  const excess = holes.length - MAX_HOLES;
  const first = holes[0];
  const last = holes[excess];
  if (excess <= 0 || first === undefined || last === undefined) return holes;
  return [{ ...first, to: last.to }, ...holes.slice(excess + 1)];
}
