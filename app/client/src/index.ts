/** Client of the Ballast protocol. What Codama generates from the program's IDL is at `@ballast/client/generated`. */
export * from './accounts.js';
export * from './amounts.js';
export type * from './answers.js';
export * from './engine.js';
export * from './errors.js';
export * from './instructions.js';
export * from './perp-instructions.js';
export * from './stake-instructions.js';
export { decodePoolReport, decodeVaultReport, type Greeks, type PoolReport, type VaultReport } from './report.js';
export * from './generated/pdas/index.js';
export { BALLAST_PROGRAM_ADDRESS } from './generated/programs/index.js';
export type * from './generated/types/index.js';
