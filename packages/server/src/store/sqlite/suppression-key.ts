/** How the suppression list spells an address. */

/** Hosts may tell local parts apart by case, people do not: one spelling suppresses all. */
export function suppressionKey(address: string): string {
  return address.toLowerCase();
}
