import type { Address, GetAccountInfoApi, Instruction, Rpc, TransactionSigner } from '@solana/kit';
import { fetchVault, fetchVaultMarkets, findShareAccount, loadEngine, payingSlots, vaultRedeem } from '@ballast/client';

/** Gives as many of the shares held as can leave now, and accepts a thousandth less than they bring now. */
export async function leaveVault(
  rpc: Rpc<GetAccountInfoApi>,
  address: Address,
  owner: TransactionSigner,
  destination: Address,
  held: bigint,
  now: bigint,
): Promise<Instruction> {
  const vault = await fetchVault(rpc, address);
  const [markets, engine] = await Promise.all([fetchVaultMarkets(rpc, vault), loadEngine()]);
  const state = { vault, markets, now };
  const from = payingSlots(vault, markets); // a bit for each slot that may pay
  const shares = engine.maxVaultRedeem(state, held, from);
  if (shares === 0n) {
    const { takeable, queued } = engine.vaultReport(state);
    throw new Error(`nothing can leave now: ${takeable} atoms are liquid, and ${queued} are waited for`);
  }
  const { amount } = engine.previewVaultRedeem(state, shares, from);
  const shareAccount = await findShareAccount(owner.address, vault);
  const order = { owner, shareAccount, destination, shares, minAmount: amount - amount / 1_000n, from };
  return vaultRedeem(vault, markets, order);
}
