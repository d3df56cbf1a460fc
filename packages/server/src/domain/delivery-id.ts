/**
 * Delivery ids are derived, not stored: the time of the event's id, the lane and the `seq` in it are 128 bits
 * together, so that a delivery needs no id column and no index of its own in the hottest table.
 *
 * Layout (big endian): 48 bits time | 20 bits low lane | 28 bits low seq | 12 bits high lane | 20 bits high seq.
 * Within a lane `seq` never repeats and lanes differ in their low bits long before 2^20 endpoints exist, so
 * the first 96 bits alone are unique.
 */

import { decodeId, encodeId } from '@postrider/contract/ids';

const LANE_LOW = 2 ** 20;
const SEQ_LOW = 2 ** 28;

export function deliveryId(eventId: string, lane: number, seq: number): string {
  return encodeId('del', pack(eventTime(eventId), lane, seq));
}

/** The time is moved by the attempt's number, which keeps the attempts of one delivery apart and in order. */
export function attemptId(eventId: string, lane: number, seq: number, attempt: number): string {
  return encodeId('att', pack(eventTime(eventId) + attempt, lane, seq));
}

/** Null when the text is no delivery id. The caller checks that the lane is of its environment. */
export function parseDeliveryId(text: string): { time: number; lane: number; seq: number } | null {
  const bytes = decodeId('del', text);
  if (bytes === null) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  const time = view.getUint16(0) * 2 ** 32 + view.getUint32(2);
  const low = view.getUint16(6) * 2 ** 32 + view.getUint32(8);
  const high = view.getUint32(12);
  const lane = Math.floor(low / SEQ_LOW) + (high >>> 20) * LANE_LOW;
  const seq = (low % SEQ_LOW) + (high & 0xf_ffff) * SEQ_LOW;
  return { time, lane, seq };
}

function eventTime(eventId: string): number {
  const bytes = decodeId('evt', eventId);
  if (bytes === null) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  return view.getUint16(0) * 2 ** 32 + view.getUint32(2);
}

function pack(time: number, lane: number, seq: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint16(0, Math.floor(time / 2 ** 32));
  view.setUint32(2, time % 2 ** 32);
  const low = (lane % LANE_LOW) * SEQ_LOW + (seq % SEQ_LOW);
  view.setUint16(6, Math.floor(low / 2 ** 32));
  view.setUint32(8, low % 2 ** 32);
  view.setUint32(12, ((Math.floor(lane / LANE_LOW) << 20) | Math.floor(seq / SEQ_LOW)) >>> 0);
  return new Uint8Array(view.buffer);
}
