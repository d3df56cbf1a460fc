/** What the door measures. `main.ts` connects it to the metrics registry; tests need none. */
export interface DoorMetrics {
  request(method: string, status: number, seconds: number): void;
}
