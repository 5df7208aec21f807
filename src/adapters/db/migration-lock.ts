/**
 * Held by whoever migrates, and shared by who must not be migrated under. Any constant serves, as long as every process
 * uses the same.
 */
export const migrationLock = 7_236_001
