/** What one submission may hold at most. The names are those of the `[limits]` section of the settings. */
export interface AcceptLimits {
  /** Recipients of one message. */
  recipients: number;
  /** Octets of one message as MIME. */
  message_bytes: number;
  /** Items of one batch. */
  batch: number;
  attachments: number;
  /** Octets of the headers that a message brings itself. */
  header_bytes: number;
  tags: number;
  tag_bytes: number;
  metadata_pairs: number;
  /** Octets of keys and values together. */
  metadata_bytes: number;
  /** Octets of the JSON text of one custom event's `data`. */
  event_data_bytes: number;
  /** Levels of nesting of free-form JSON. */
  json_depth: number;
  /** Days that `send_at` and `expires_at` may lie ahead. */
  schedule_days: number;
}
