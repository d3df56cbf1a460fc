/**
 * Memory of the store's threads. They keep next to nothing from one message to the next, so a small nursery
 * serves them as well as the default of 48 MB and spares the process most of it.
 */
export const WORKER_LIMITS = { maxYoungGenerationSizeMb: 12 } as const;
