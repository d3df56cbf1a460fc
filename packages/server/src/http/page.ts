/** One page of a list, as the door asks for it and as the stages give it. */

export interface PageInput {
  limit: number;
  cursor: string | null;
}

export interface PageOutput<T> {
  data: T[];
  /** Opaque; null on the last page. */
  next_cursor: string | null;
}
