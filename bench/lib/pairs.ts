/** Sides of a comparison, one after the other, the order reversed each round, so that drift hits them alike. */

export type Sides<Name extends string, Figures> = Readonly<Record<Name, () => Promise<Figures>>>;

/** `show` makes one line of a side's figures. Resolves to the figures of each side, in the order of the rounds. */
export async function alternate<Name extends string, Figures>(
  rounds: number,
  sides: Sides<Name, Figures>,
  show: (figures: Figures) => string,
): Promise<Record<Name, Figures[]>> {
  const names = Object.keys(sides) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as Figures[]])) as Record<Name, Figures[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const figures = await sides[name]();
      results[name].push(figures);
      console.log(`round ${round + 1} of ${rounds}, ${name}: ${show(figures)}`);
    }
  }
  return results;
}

/** Of the same rounds: `pick` of the first side divided by that of the second. */
export function ratios<Figures>(
  figures: readonly Figures[],
  against: readonly Figures[],
  pick: (one: Figures) => number,
): number[] {
  return figures.slice(0, against.length).map((one, round) => pick(one) / pick(against[round] as Figures));
}
