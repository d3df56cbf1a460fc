/** One recipient's links in place of those of the document; every other octet stays. */

import type { TrackingPlan } from './plan.ts';

/** Characters that need no quotes and no escape in an attribute, so that ours fits wherever the old one stood. */
const FITS_ANYWHERE = /^https?:\/\/[A-Za-z0-9.:[\]_~/-]+$/;

export interface Splices {
  /** The link in place of `plan.links[index]`; null leaves that one as it is. */
  link(index: number, url: string): string | null;
  /** The pixel's address; null for none. */
  pixel: string | null;
}

/** Throws `RangeError` for a link of ours with a character that an attribute could take for its end. */
export function spliceTracking(html: Buffer, plan: TrackingPlan, splices: Splices): Buffer {
  const { pixelAt } = plan;
  const pixel = splices.pixel === null || pixelAt === null ? null : pixelElement(splices.pixel);
  const pieces: Buffer[] = [];
  let at = 0;
  const put = (start: number, end: number, text: string): void => {
    pieces.push(html.subarray(at, start), Buffer.from(text, 'latin1'));
    at = end;
  };
  let placed = pixel === null;
  for (const [index, { start, end, url }] of plan.links.entries()) {
    if (!placed && (pixelAt as number) <= start) {
      put(pixelAt as number, pixelAt as number, pixel as string);
      placed = true;
    }
    const link = splices.link(index, url);
    if (link !== null) put(start, end, checked(link));
  }
  if (!placed) put(pixelAt as number, pixelAt as number, pixel as string);
  return Buffer.concat([...pieces, html.subarray(at)]);
}

/** Sizes as attributes for Outlook, as style for the others; `alt` empty, so that nobody is read an address aloud. */
function pixelElement(url: string): string {
  return `<img src="${checked(url)}" width="1" height="1" border="0" alt="" style="display:block;width:1px;height:1px;border:0">`;
}

function checked(url: string): string {
  if (FITS_ANYWHERE.test(url)) return url;
  throw new RangeError(`A tracking link may have only unreserved characters: ${JSON.stringify(url)}.`);
}
