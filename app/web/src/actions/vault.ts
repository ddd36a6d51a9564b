// Everything that one does with a vault, as plans.

import {
  cancelExit,
  claimExit,
  endTerm,
  lockTerm,
  type Market,
  requestExit,
  TOKEN_PROGRAM,
  type Vault,
  vaultDeposit,
  vaultRedeem,
  vaultWithdraw,
} from '@ballast/client';
import { type Address, createNoopSigner, type Instruction } from '@solana/kit';
import type { Config } from '../config.ts';
import { symbolOf } from '../names.ts';
import { exactAmount, moment } from '../number.ts';
import { createTokenAccount } from '../tx/programs.ts';
import type { Plan, PlanToken } from '../tx/plan.ts';
import { aroundPayIn, aroundPayOut, type Holding } from './sol.ts';

/** What a plan about a vault is made from. */
export interface VaultScene {
  readonly config: Config;
  /** The market that the page shows: the names come from it. */
  readonly market: Market;
  readonly vault: Vault;
  /** Those that it lends to. */
  readonly markets: readonly Market[];
  readonly owner: Address;
  readonly tokens: Holding;
  readonly shares: Holding;
}

/** A vault's token and its shares, as they are shown. */
export function vaultTokens(config: Config, { mint, shareMint, decimals }: Vault): readonly [PlanToken, PlanToken] {
  const symbol = symbolOf(config, mint);
  return [
    { mint, symbol, decimals },
    { mint: shareMint, symbol: `${symbol} vault shares`, decimals },
  ];
}

type Texts = { readonly token: (atoms: bigint) => string; readonly share: (shares: bigint) => string };

function textsOf(config: Config, vault: Vault): Texts {
  const [token, share] = vaultTokens(config, vault);
  return {
    token: (atoms) => `${exactAmount(atoms, token.decimals)} ${token.symbol}`,
    share: (shares) => `${exactAmount(shares, share.decimals)} ${share.symbol}`,
  };
}

function plan(scene: VaultScene, title: string, instructions: readonly Instruction[], notes: readonly string[]): Plan {
  return {
    title,
    owner: scene.owner,
    market: scene.market,
    // Of margin accounts no vault knows.
    addsRisk: false,
    tokens: vaultTokens(scene.config, scene.vault),
    notes,
    build: (head, tail) => [[...head, ...instructions, ...tail]],
  };
}

/** Makes the owner's account of shares, where there is none. */
function shareAccount({ vault, owner, shares }: VaultScene): Instruction[] {
  const token = { mint: vault.shareMint, tokenProgram: TOKEN_PROGRAM };
  return shares.tokens === undefined ? [createTokenAccount(owner, shares.address, owner, token)] : [];
}

export function depositPlan(scene: VaultScene, amount: bigint, minShares: bigint): Plan {
  const { vault, owner, tokens, shares } = scene;
  const text = textsOf(scene.config, vault);
  const around = aroundPayIn(owner, vault, tokens, amount);
  const order = { payer: createNoopSigner(owner), source: tokens.address, shareAccount: shares.address };
  const deposit = vaultDeposit(vault, { ...order, amount, minShares });
  const all = [...shareAccount(scene), ...around.before, deposit, ...around.after];
  return plan(scene, `Deposit ${text.token(amount)} in the vault`, all, []);
}

export function withdrawPlan(scene: VaultScene, amount: bigint, maxShares: bigint, from: number): Plan {
  const { vault, markets, owner, tokens, shares } = scene;
  const around = aroundPayOut(owner, vault, tokens);
  const order = { owner: createNoopSigner(owner), shareAccount: shares.address, destination: tokens.address, from };
  const withdraw = vaultWithdraw(vault, markets, { ...order, amount, maxShares });
  const title = `Withdraw ${textsOf(scene.config, vault).token(amount)} from the vault`;
  return plan(scene, title, [...around.before, withdraw, ...around.after], []);
}

export function redeemPlan(scene: VaultScene, count: bigint, minAmount: bigint, from: number): Plan {
  const { vault, markets, owner, tokens, shares } = scene;
  const around = aroundPayOut(owner, vault, tokens);
  const order = { owner: createNoopSigner(owner), shareAccount: shares.address, destination: tokens.address, from };
  const redeem = vaultRedeem(vault, markets, { ...order, shares: count, minAmount });
  const title = `Redeem ${textsOf(scene.config, vault).share(count)}`;
  return plan(scene, title, [...around.before, redeem, ...around.after], []);
}

export async function requestPlan(scene: VaultScene, count: bigint, minAmount: bigint): Promise<Plan> {
  const { vault, owner, shares } = scene;
  const order = { owner: createNoopSigner(owner), shareAccount: shares.address, shares: count, minAmount };
  const title = `Queue ${textsOf(scene.config, vault).share(count)} for leaving`;
  const note =
    'They wait for liquidity, and earn and lose like all others until they are paid. What is paid you claim here.';
  return plan(scene, title, [await requestExit(vault, order)], [note]);
}

export async function cancelPlan(scene: VaultScene): Promise<Plan> {
  const { vault, owner, shares } = scene;
  const cancel = await cancelExit(vault, { owner: createNoopSigner(owner), shareAccount: shares.address });
  return plan(scene, 'Take the request back', [...shareAccount(scene), cancel], []);
}

export async function claimPlan(scene: VaultScene, claim: bigint): Promise<Plan> {
  const { vault, owner, tokens } = scene;
  const around = aroundPayOut(owner, vault, tokens);
  const instruction = await claimExit(vault, { owner: createNoopSigner(owner), destination: tokens.address });
  const title = `Claim ${textsOf(scene.config, vault).token(claim)}`;
  return plan(scene, title, [...around.before, instruction, ...around.after], []);
}

export async function lockPlan(scene: VaultScene, id: number, count: bigint, maturity: bigint): Promise<Plan> {
  const { vault, owner, shares } = scene;
  const order = { owner: createNoopSigner(owner), shareAccount: shares.address, id, shares: count, maturity };
  const title = `Lock ${textsOf(scene.config, vault).share(count)} until ${moment(maturity)}`;
  const note = 'Before the end they come back at a penalty alone, and without what the term earned on top.';
  return plan(scene, title, [await lockTerm(vault, order)], [note]);
}

export async function endPlan(scene: VaultScene, id: number, early: boolean): Promise<Plan> {
  const { vault, owner, shares } = scene;
  const order = { owner: createNoopSigner(owner), shareAccount: shares.address, id, early };
  const title = early ? `End term ${id} early, at a penalty` : `End term ${id}`;
  return plan(scene, title, [...shareAccount(scene), await endTerm(vault, order)], []);
}
