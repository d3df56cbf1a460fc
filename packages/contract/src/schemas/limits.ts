/**
 * Limits that schemas state. Those of a message are the defaults of the server's `[limits]` settings, which
 * decide; the others are fixed.
 */

export const MAX_RECIPIENTS = 1_000;
export const MAX_REPLY_TO = 25;
export const MAX_BATCH = 1_000;
export const MAX_ATTACHMENTS = 100;
export const MAX_FILENAME = 255;
export const MAX_TAGS = 50;
export const MAX_TAG = 256;
export const MAX_METADATA = 50;
export const MAX_CAMPAIGN_ID = 256;
/** RFC 5322 section 2.1.1: a line has at most 998 characters. */
export const MAX_SUBJECT = 998;
/** RFC 5321 section 4.5.3.1: 64 octets, `@`, 255 octets; a display name and brackets around it. */
export const MAX_MAILBOX = 1_000;
export const MAX_ADDRESS = 320;

/** More than any server takes; `limits.url_bytes` decides. */
export const MAX_URL = 8_192;
export const MAX_DESCRIPTION = 500;
export const MAX_EVENT_TYPES = 100;
export const MAX_EVENT_TYPE = 100;
export const MAX_ENDPOINT_HEADERS = 20;
export const MAX_HEADER_VALUE = 1_000;
export const MAX_RETRIES = 30;
/** Seven days, in seconds. */
export const MAX_RETRY_DELAY = 604_800;
export const MIN_TIMEOUT_MS = 1_000;
export const MAX_TIMEOUT_MS = 30_000;
export const MAX_IN_FLIGHT = 1_000;
export const MAX_RATE = 100_000;
export const MAX_BATCH_EVENTS = 1_000;
export const MAX_BATCH_WAIT_MS = 60_000;
export const DEFAULT_OVERLAP_SECONDS = 86_400;
/** Thirty days. */
export const MAX_OVERLAP_SECONDS = 2_592_000;

export const MAX_NAME = 100;
/** Ten years of 366 days, in seconds: what one call may move the sandbox's clock by. */
export const MAX_ADVANCE_SECONDS = 316_224_000;
