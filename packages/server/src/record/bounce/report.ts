/** What one incoming mail turned out to be, as far as its sender's words go. Nothing here is verified. */

export type ReportKind = 'bounce' | 'delayed' | 'complaint' | 'auto_reply' | 'other';

export interface ReportedRecipient {
  /**
   * The address that was written to: Original-Recipient where it is known, else Final-Recipient. Null when the report
   * does not tell it; the token in our return path does.
   */
  address: string | null;
  /** `failed` and `delayed` of a delivery report; `complained` of a feedback report. */
  action: 'failed' | 'delayed' | 'complained';
  smtp_code: number | null;
  /** RFC 3463. */
  enhanced_code: string | null;
  /** What the other server said, on one line; empty when it was not told. */
  diagnostic: string;
  /** Host name of the server that said it. */
  remote: string | null;
}

/** Of the mail that the report is about, as far as it is attached. */
export interface OriginalMessage {
  /** Without angle brackets. */
  message_id: string | null;
  /** Our own return path, with its token. */
  return_path: string | null;
  list_unsubscribe: string | null;
  to: string | null;
}

/** RFC 5965 section 3. */
export interface Feedback {
  /** In lower case: abuse, fraud, virus, opt-out, other … */
  feedback_type: string;
  user_agent: string | null;
  /** Return path of the mail that was complained about. */
  original_mail_from: string | null;
}

export interface MailReport {
  kind: ReportKind;
  recipients: ReportedRecipient[];
  original: OriginalMessage;
  /** Of complaints only. */
  feedback: Feedback | null;
  /** There are more recipients than are listed. */
  truncated: boolean;
}

/** A report names any number of recipients; ours name one, a relay's perhaps some hundreds. */
export const MAX_RECIPIENTS = 10_000;
/** What is kept of a diagnostic. */
export const MAX_DIAGNOSTIC = 1000;

export const NO_ORIGINAL: OriginalMessage = {
  message_id: null,
  return_path: null,
  list_unsubscribe: null,
  to: null,
};

/** On one line, without control characters, within the bound. */
export function oneLine(text: string): string {
  return text
    .slice(0, MAX_DIAGNOSTIC * 4)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, MAX_DIAGNOSTIC)
    .toWellFormed();
}
