// The words of instructions of vaults, perps, pools and insurance.

import { BallastInstruction } from '@ballast/client/generated';
import type { Address } from '@solana/kit';
import { brief } from '../names.ts';
import { exactAmount, moment } from '../number.ts';
import { contractOf, lotsText, priceText } from '../perps.ts';
import type { About, Words } from './words.ts';

/** An amount of a token by its mint: of the plan, or of the market. */
function tokens({ names, tokens: given }: About, mint: Address, atoms: bigint): string {
  const token = given.find((one) => one.mint === mint);
  if (token !== undefined) {
    return `${exactAmount(atoms, token.decimals)} ${token.symbol}`;
  }
  const index = names.market.reserves.findIndex((reserve) => reserve.mint === mint);
  return index < 0
    ? `${exactAmount(atoms, 0)} atoms of ${mint}`
    : `${exactAmount(atoms, names.decimals(index))} ${names.reserve(index)}`;
}

export const VAULT_WORDS: Words = {
  [BallastInstruction.VaultDeposit]: ({ accounts, data }, about) =>
    `Deposit ${tokens(about, accounts.mint.address, data.amount)} in vault ${brief(accounts.vault.address)} for at least ${tokens(about, accounts.shareMint.address, data.minShares)}`,
  [BallastInstruction.VaultWithdraw]: ({ accounts, data }, about) =>
    `Withdraw ${tokens(about, accounts.mint.address, data.amount)} from vault ${brief(accounts.vault.address)} to token account ${brief(accounts.destination.address)}, for at most ${tokens(about, accounts.shareMint.address, data.maxShares)}`,
  [BallastInstruction.VaultRedeem]: ({ accounts, data }, about) =>
    `Redeem ${tokens(about, accounts.shareMint.address, data.shares)} of vault ${brief(accounts.vault.address)} to token account ${brief(accounts.destination.address)}, for at least ${tokens(about, accounts.mint.address, data.minAmount)}`,
  [BallastInstruction.RequestExit]: ({ accounts, data }, about) =>
    `Put ${tokens(about, accounts.shareMint.address, data.shares)} into the queue of vault ${brief(accounts.vault.address)}, for at least ${atoms(about, data.minAmount)}`,
  [BallastInstruction.CancelExit]: ({ accounts }) =>
    `Take the request in the queue of vault ${brief(accounts.vault.address)} back, its shares to token account ${brief(accounts.shareAccount.address)}; rent that is free goes to ${accounts.recipient.address}`,
  [BallastInstruction.ClaimExit]: ({ accounts }) =>
    `Claim what vault ${brief(accounts.vault.address)} has paid, to token account ${brief(accounts.destination.address)}; rent that is free goes to ${accounts.recipient.address}`,
  [BallastInstruction.LockTerm]: ({ accounts, data }, about) =>
    `Lock ${tokens(about, accounts.shareMint.address, data.shares)} of vault ${brief(accounts.vault.address)} until ${moment(data.maturity)}, as term ${data.id}`,
  [BallastInstruction.EndTerm]: ({ accounts, data }) =>
    `End term ${brief(accounts.term.address)} of vault ${brief(accounts.vault.address)}${data.early ? ', before its end if that is to come: at a penalty' : ''}; its rent goes to ${accounts.recipient.address}`,
};

/** Atoms of the token that the plan is about: the instruction does not name its mint. */
function atoms({ tokens: [token] }: About, count: bigint): string {
  return token === undefined ? `${count} atoms` : `${exactAmount(count, token.decimals)} ${token.symbol}`;
}

export const PERP_WORDS: Words = {
  [BallastInstruction.TradePerp]: ({ accounts, data }, { names }) => {
    const contract = contractOf(names, data.perp);
    const isBuy = data.lots > 0n;
    const limit =
      data.limit === 0n
        ? 'at any price'
        : `at ${priceText(contract, data.limit, isBuy ? 'up' : 'down')} or ${isBuy ? 'less' : 'more'}`;
    const reduces = data.reduceOnly ? ', only to shrink a position' : '';
    return `${isBuy ? 'Buy' : 'Sell'} ${lotsText(contract, isBuy ? data.lots : -data.lots)} of ${contract.name} ${limit}${reduces}, in margin account ${brief(accounts.marginAccount.address)}`;
  },
  [BallastInstruction.SettlePerp]: ({ accounts, data }, { names }) =>
    `Settle the position in ${names.perp(data.perp)} of margin account ${brief(accounts.marginAccount.address)}`,
  [BallastInstruction.PoolDeposit]: ({ accounts, data }, { names }) => {
    const quote = names.quote(data.pool);
    return `Move ${exactAmount(data.amount, names.decimals(quote))} ${names.reserve(quote)} from the deposit of margin account ${brief(accounts.marginAccount.address)} into the ${names.pool(data.pool)}`;
  },
  [BallastInstruction.PoolRequest]: ({ data }, { names }) =>
    data.shares === 0n
      ? `Take the request to leave the ${names.pool(data.pool)} back`
      : `Ask for ${exactAmount(data.shares, names.decimals(names.quote(data.pool)))} shares of the ${names.pool(data.pool)}`,
  [BallastInstruction.PoolWithdraw]: ({ accounts, data }, { names }) =>
    `Take what was asked for out of the ${names.pool(data.pool)}, into the deposit of margin account ${brief(accounts.marginAccount.address)}`,
};

export const STAKE_WORDS: Words = {
  [BallastInstruction.OpenStake]: ({ data }, { names }) =>
    `Open a stake in the insurance of ${names.reserve(data.reserve)}`,
  [BallastInstruction.Stake]: ({ accounts, data }, about) =>
    `Stake ${tokens(about, accounts.mint.address, data.amount)} in the insurance of its reserve, where it bears losses first`,
  [BallastInstruction.BeginUnstake]: ({ accounts, data }) =>
    data.shares === 0n
      ? `Take the request of stake ${brief(accounts.stake.address)} back`
      : `Ask for ${exactAmount(data.shares, 0)} shares of stake ${brief(accounts.stake.address)}: the cooldown begins`,
  [BallastInstruction.Unstake]: ({ accounts }) =>
    `Take what was asked for out of stake ${brief(accounts.stake.address)}, to token account ${brief(accounts.destination.address)}`,
  [BallastInstruction.CloseStake]: ({ accounts }) =>
    `Close stake ${brief(accounts.stake.address)}; its rent goes to ${accounts.recipient.address}`,
};
