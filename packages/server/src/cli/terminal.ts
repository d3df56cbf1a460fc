/** What a command sees of the world around it; tests pass their own. */

export interface Terminal {
  /** A line of output. */
  out(line: string): void;
  /** A line beside the output: progress, hints, errors. */
  note(line: string): void;
  env: Readonly<Record<string, string | undefined>>;
  /** Aborted when the user wants the command to end. */
  signal: AbortSignal;
}

/** Rows as aligned columns, the header in capitals. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header.map((name) => name.toUpperCase()), ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
