/** Settings of the HTTP door. `main.ts` fills them from `config.default.toml`. */

export interface DoorConfig {
  host: string;
  /** 0 = any free port. */
  port: number;
  /** Largest request body in octets. */
  body_bytes: number;
  /** Bodies of all requests under way together, in octets. */
  bodies_bytes: number;
  /** All headers of one request together, in octets. */
  header_bytes: number;
  headers_timeout_ms: number;
  /** For a whole request, body included. */
  request_timeout_ms: number;
  keep_alive_ms: number;
  max_connections: number;
  /** Live streams open at once, all environments together. */
  max_streams: number;
  stream_heartbeat_ms: number;
  /** How long a live stream's reader may take nothing before it is closed. */
  stream_stall_ms: number;
  /** Deepest nesting of a JSON body. */
  json_depth: number;
  /** What `/metrics` asks for as a bearer token; null = open. */
  metrics_token: string | null;
  /** One line at debug for every request. Off saves the work of making the line. */
  access_log: boolean;
}

export const DOOR_DEFAULTS: DoorConfig = {
  host: '127.0.0.1',
  port: 7300,
  body_bytes: 30 * 1024 * 1024,
  bodies_bytes: 96 * 1024 * 1024,
  header_bytes: 16 * 1024,
  headers_timeout_ms: 10_000,
  request_timeout_ms: 60_000,
  keep_alive_ms: 72_000,
  max_connections: 10_000,
  max_streams: 1_000,
  stream_heartbeat_ms: 15_000,
  stream_stall_ms: 30_000,
  json_depth: 64,
  metrics_token: null,
  access_log: false,
};
