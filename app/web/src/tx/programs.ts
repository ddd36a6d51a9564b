// The few instructions of other programs that the page makes. Their layouts are fixed: these programs are never changed in place.

import { AccountRole, type Address, type Instruction } from '@solana/kit';

export const SYSTEM = '11111111111111111111111111111111' as Address;
export const TOKEN = 'TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA' as Address;
export const TOKEN_2022 = 'TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb' as Address;
export const ASSOCIATED_TOKEN = 'ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL' as Address;
export const COMPUTE_BUDGET = 'ComputeBudget111111111111111111111111111111' as Address;
/** Asserts of what a wallet's simulation saw, which some wallets add. */
export const LIGHTHOUSE = 'L2TExMFKdjpN9kozasaurPirfHy9P8sbXoAN1qA3S95' as Address;

/** The mint that stands for native SOL. */
export const NATIVE_MINT = 'So11111111111111111111111111111111111111112' as Address;

/** First bytes of the instructions that the page makes or takes. */
export const TAG = {
  transfer: 2,
  closeAccount: 9,
  syncNative: 17,
  createIdempotent: 1,
  unitLimit: 2,
  unitPrice: 3,
  dataLimit: 4,
} as const;

function tagged(tag: number, size: number, write: (view: DataView) => void): Uint8Array {
  const data = new Uint8Array(1 + size);
  data[0] = tag;
  write(new DataView(data.buffer));
  return data;
}

export function transferSol(from: Address, to: Address, lamports: bigint): Instruction {
  const data = new Uint8Array(12);
  const view = new DataView(data.buffer);
  view.setUint32(0, TAG.transfer, true);
  view.setBigUint64(4, lamports, true);
  return {
    programAddress: SYSTEM,
    accounts: [
      { address: from, role: AccountRole.WRITABLE_SIGNER },
      { address: to, role: AccountRole.WRITABLE },
    ],
    data,
  };
}

/** Makes an owner's associated token account, if there is none. */
export function createTokenAccount(
  payer: Address,
  account: Address,
  owner: Address,
  token: { readonly mint: Address; readonly tokenProgram: Address },
): Instruction {
  return {
    programAddress: ASSOCIATED_TOKEN,
    accounts: [
      { address: payer, role: AccountRole.WRITABLE_SIGNER },
      { address: account, role: AccountRole.WRITABLE },
      { address: owner, role: AccountRole.READONLY },
      { address: token.mint, role: AccountRole.READONLY },
      { address: SYSTEM, role: AccountRole.READONLY },
      { address: token.tokenProgram, role: AccountRole.READONLY },
    ],
    data: Uint8Array.of(TAG.createIdempotent),
  };
}

/** Has the token program count the SOL that came to a wrapped account. */
export function syncNative(account: Address): Instruction {
  return {
    programAddress: TOKEN,
    accounts: [{ address: account, role: AccountRole.WRITABLE }],
    data: Uint8Array.of(TAG.syncNative),
  };
}

/** Closes a token account; its SOL goes to its owner. */
export function closeTokenAccount(account: Address, owner: Address): Instruction {
  return {
    programAddress: TOKEN,
    accounts: [
      { address: account, role: AccountRole.WRITABLE },
      { address: owner, role: AccountRole.WRITABLE },
      { address: owner, role: AccountRole.READONLY_SIGNER },
    ],
    data: Uint8Array.of(TAG.closeAccount),
  };
}

/** What a transaction may use, and pays for that. */
export interface Budget {
  readonly units: number;
  /** Micro-lamports for a unit. */
  readonly unitPrice: bigint;
  /** Bytes of accounts. */
  readonly loadedData: number;
}

/** The instructions that say so: always these three, so that wallets add none of their own and sizes stay. */
export function budgetInstructions({ units, unitPrice, loadedData }: Budget): Instruction[] {
  const datas = [
    tagged(TAG.unitLimit, 4, (view) => view.setUint32(1, units, true)),
    tagged(TAG.unitPrice, 8, (view) => view.setBigUint64(1, unitPrice, true)),
    tagged(TAG.dataLimit, 4, (view) => view.setUint32(1, loadedData, true)),
  ];
  return datas.map((data) => ({ programAddress: COMPUTE_BUDGET, accounts: [], data }));
}
