import type { Address, GetAccountInfoApi, Instruction, Rpc, TransactionSigner } from '@solana/kit';
import {
  assertHealth,
  borrow,
  deposit,
  describeError,
  fetchMarginAccount,
  fetchMarket,
  findMarginAccountPda,
  findReserve,
  findTokenAccount,
  formatPrice,
  formatUsd,
  loadEngine,
  openAccount,
  refreshPinnedPrices,
  REQUIREMENT,
} from '@ballast/client';

type AccountRpc = Rpc<GetAccountInfoApi>;

/** Reads the market and where an owner's account 0, a mint's reserve and the owner's tokens are. */
async function look(rpc: AccountRpc, marketAddress: Address, owner: Address, mint: Address) {
  const market = await fetchMarket(rpc, marketAddress);
  const reserve = findReserve(market, mint);
  if (reserve === undefined) {
    throw new Error('the market does not list this mint');
  }
  const [marginAccount] = await findMarginAccountPda({ market: marketAddress, owner, id: 0 });
  const tokens = await findTokenAccount(owner, market.reserves[reserve]!);
  return { market, reserve, marginAccount, tokens };
}

/** Opens the owner's account and deposits so many atoms. Takes over all prices too, which limits are computed by. */
export async function openAndDeposit(
  rpc: AccountRpc,
  marketAddress: Address,
  owner: TransactionSigner,
  mint: Address,
  amount: bigint,
): Promise<Instruction[][]> {
  const { market, reserve, marginAccount, tokens } = await look(rpc, marketAddress, owner.address, mint);
  const instructions = [
    await openAccount(market, { owner }),
    deposit(market, { payer: owner, marginAccount, source: tokens, reserve, amount }),
  ];
  return refreshPinnedPrices(market, { feePayer: owner.address, reserves: [...market.reserves.keys()], instructions });
}

/** Borrows half of what the account may; fails whole unless collateral of 1.5 times the debt is left at initial weights. */
export async function borrowHalf(
  rpc: AccountRpc,
  marketAddress: Address,
  owner: TransactionSigner,
  mint: Address,
  now: bigint,
): Promise<Instruction[][]> {
  const { market, reserve, marginAccount, tokens } = await look(rpc, marketAddress, owner.address, mint);
  const engine = await loadEngine();
  const account = await fetchMarginAccount(rpc, marginAccount);
  const { atoms, refusal } = engine.maxBorrow(market, account, reserve, now);
  if (atoms === 0n && refusal !== undefined) {
    throw new Error(describeError(refusal));
  }
  const instructions = [
    borrow(market, { owner, marginAccount, destination: tokens, reserve, amount: atoms / 2n }),
    assertHealth(market, { marginAccount, requirement: REQUIREMENT.initial, minRatioBps: 15_000 }),
  ];
  return refreshPinnedPrices(market, { feePayer: owner.address, account, reserves: [reserve], instructions });
}

/** An account in words. */
export async function report(rpc: AccountRpc, marketAddress: Address, marginAccount: Address, now: bigint) {
  const [market, account, engine] = await Promise.all([
    fetchMarket(rpc, marketAddress),
    fetchMarginAccount(rpc, marginAccount),
    loadEngine(),
  ]);
  const { maintenance } = engine.health(market, account, now);
  const lines = [`${formatUsd(maintenance.collateral - maintenance.debt)} above the maintenance line`];
  for (const { reserve, isDebt, amount } of engine.positions(market, account, now)) {
    const price = engine.liquidationPrice(market, account, reserve, now);
    const at = price === undefined ? 'at no price' : `at ${formatPrice(price)} USD`;
    lines.push(`${isDebt ? 'owes' : 'has'} ${amount} atoms of reserve ${reserve}: liquidatable ${at}`);
  }
  return lines;
}
