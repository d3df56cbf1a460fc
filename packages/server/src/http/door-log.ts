/** What the door writes its lines to; the product's logger fits. Fields never hold keys or bodies. */
export interface DoorLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
