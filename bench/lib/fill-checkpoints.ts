/**
 * The checkpoints of a lane that is filled by hand, as maintain/checkpoints.ts seals them: without them the product
 * would begin by reading all of it.
 */

import { createHash, type Hash } from 'node:crypto';
import { checkpointText } from '../../packages/contract/src/checkpoint.ts';

export interface FilledCheckpoint {
  from_seq: number;
  to_seq: number;
  hour: number;
  digest: string;
}

const HOUR_MS = 3_600_000;
const MAX_EVENTS = 100_000;
/** An hour is sealed so long after its end. */
const GRACE_MS = 300_000;

/** Given a lane's events in the order of their `seq`, from 1. */
export class CheckpointFiller {
  #hash: Hash = createHash('sha256');
  #from = 1;
  #to = 0;
  #hour = 0;

  /** The checkpoints that end before this event, or with it. */
  add(at: number, eventId: string): FilledCheckpoint[] {
    const hour = Math.floor(at / HOUR_MS);
    const ended = hour > this.#hour ? this.#end() : [];
    this.#hour = hour;
    this.#to++;
    this.#hash.update(checkpointText([eventId]));
    if (this.#to - this.#from + 1 === MAX_EVENTS) ended.push(...this.#end());
    return ended;
  }

  /** The last one, when its hour is over. */
  finish(): FilledCheckpoint[] {
    return (this.#hour + 1) * HOUR_MS + GRACE_MS <= Date.now() ? this.#end() : [];
  }

  #end(): FilledCheckpoint[] {
    if (this.#to < this.#from) return [];
    const ended = {
      from_seq: this.#from,
      to_seq: this.#to,
      hour: this.#hour,
      digest: this.#hash.digest('hex'),
    };
    this.#hash = createHash('sha256');
    this.#from = this.#to + 1;
    return [ended];
  }
}
