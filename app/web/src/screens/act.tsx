// Deposit, withdraw, borrow, repay: one form, and the dialog that every transaction goes through.

import { describeError, type Engine, EVERYTHING, type Limit, type MarginAccount, type Market } from '@ballast/client';
import type { Address } from '@solana/kit';
import { useMemo, useState } from 'preact/hooks';
import { LEND_ACTIONS, type LendAction, lendPlan, VERBS } from '../actions/lend.ts';
import { isNative, payable, RENT } from '../actions/sol.ts';
import { useApp } from '../app.ts';
import { ask, isOfOldPrices } from '../ask.ts';
import { openReserves } from '../books.ts';
import { errorWords } from '../errors.ts';
import { useHolding } from '../holdings.ts';
import { useAccountAddresses, useEngine, useMarginAccount, useNow, useRoute } from '../hooks.ts';
import { useNames } from '../names.ts';
import { exactAmount } from '../number.ts';
import { go, href } from '../route.ts';
import { useFreshMarket } from '../tx/preview.ts';
import { AmountField, NO_AMOUNT, readAmount, SelectField } from '../ui/fields.tsx';
import { FormEnd } from '../ui/form.tsx';
import { HealthOf } from '../ui/health.tsx';
import { Notice, Screen, Section, Skeleton } from '../ui/parts.tsx';
import { OfMarket } from '../ui/subject.tsx';
import { useConnection } from '../ui/wallet.tsx';
import type { ScreenProps } from './index.ts';

export default function ActScreen({ args }: ScreenProps) {
  const action = LEND_ACTIONS.find((one) => one === args[0]) ?? 'deposit';
  const connection = useConnection();
  const [, reserve] = args;
  return (
    <Screen
      title="Lend and borrow"
      lede="Every transaction is played before you sign it, and compared after."
      aside={
        <span class="links">
          <a href={href('vaults')}>Lend by a vault</a>
          <a href={href('perps')}>Trade perps</a>
          <a href={href('insurance', reserve === undefined ? [] : [reserve])}>Insure</a>
        </span>
      }
    >
      <OfMarket waiting={<Skeleton lines={10} height={40} />}>
        {(market) => (
          <Form
            key={`${action} ${reserve} ${connection?.address}`}
            action={action}
            market={market}
            chosen={reserve === undefined ? undefined : Number(reserve)}
            owner={connection?.address}
          />
        )}
      </OfMarket>
    </Screen>
  );
}

interface FormProps {
  readonly action: LendAction;
  readonly market: Market;
  readonly chosen: number | undefined;
  readonly owner: Address | undefined;
}

function Form({ action, market, chosen, owner }: FormProps) {
  const { config, flow } = useApp();
  const names = useNames(market);
  const indices = openReserves(market);
  const reserve = chosen !== undefined && indices.includes(chosen) ? chosen : (indices[0] ?? 0);
  const addresses = useAccountAddresses(owner);
  const id = useChosenId();
  const marginAccount = addresses[id];
  const loaded = useMarginAccount(marginAccount);
  const account = loaded.state === 'ready' ? loaded.value : undefined;
  const holding = useHolding(market, reserve, owner);
  const engine = useEngine();
  const now = useNow();
  const [input, setInput] = useState(NO_AMOUNT);
  const [failure, setFailure] = useState<string>();

  const record = market.reserves[reserve];
  const decimals = names.decimals(reserve);
  const symbol = names.reserve(reserve);
  const position = useMemo(
    () => positionIn(engine, market, account, reserve, now),
    [engine, market, account, reserve, now],
  );
  const fresh = useFreshMarket(market, account, [reserve], owner, now);
  const limit = useMemo(
    () => limitOf(action, engine, fresh, account, reserve, now),
    [action, engine, fresh, account, reserve, now],
  );
  if (record === undefined) {
    return <Notice>Nothing is listed in this market yet.</Notice>;
  }

  const isKnown = loaded.state === 'ready' || loaded.state === 'absent';
  const toOpen = loaded.state === 'absent' ? RENT.marginAccount : 0n;
  const purse = holding && payable(record, holding, toOpen);
  const debt = position?.isDebt ? position.amount : 0n;
  const max =
    action === 'deposit'
      ? purse
      : action === 'repay'
        ? purse === undefined
          ? undefined
          : purse < debt
            ? purse
            : debt
        : limit?.atoms;
  const { atoms, error } = readAmount(input, decimals, max);
  const tooMuch = tooMuchWords({ action, atoms, max, purse, debt, limit, symbol, decimals });
  // Max of what takes all does take all, interest until then included; a typed amount is what was typed.
  const takesAll =
    (action === 'repay' && input.isMax && purse !== undefined && purse >= debt) ||
    (action === 'withdraw' && input.isMax && limit !== undefined && limit.refusal === undefined);

  const isRead = isKnown && holding !== undefined;
  const refusal =
    tooMuch ?? error ?? (isRead ? undefined : 'Your accounts are still being read. Try again in a moment.');

  const submit = async () => {
    if (
      owner === undefined ||
      marginAccount === undefined ||
      holding === undefined ||
      atoms === undefined ||
      atoms === 0n
    ) {
      setFailure(error ?? 'Enter an amount.');
      return;
    }
    try {
      const amount = takesAll ? EVERYTHING : atoms;
      const order = { config, action, market, owner, marginAccount, id, account, reserve, amount, holding, debt };
      flow.start(await lendPlan(order));
      setFailure(undefined);
    } catch (thrown) {
      setFailure(errorWords(thrown));
    }
  };

  return (
    <div class="columns act">
      <section class="panel" aria-label={VERBS[action]}>
        <div class="panel-body form">
          <nav class="tabs" aria-label="Action">
            {LEND_ACTIONS.map((one) => (
              <a
                key={one}
                href={href('act', [one, reserve], paramsOf(id))}
                aria-current={one === action ? 'page' : undefined}
              >
                {VERBS[one]}
              </a>
            ))}
          </nav>
          <SelectField
            label="Token"
            value={reserve}
            options={indices.map((index) => ({ value: index, label: names.reserve(index) }))}
            onChange={(index) => go('act', [action, index], paramsOf(id))}
          />
          <form
            onSubmit={(event) => {
              event.preventDefault();
              submit();
            }}
          >
            <AmountField
              label="Amount"
              symbol={symbol}
              decimals={decimals}
              input={input}
              onInput={(next) => {
                setInput(next);
                setFailure(undefined);
              }}
              max={max}
              maxLabel={`Max: ${MAX_WORDS[action]}`}
              error={tooMuch}
              hint={
                <Hint
                  action={action}
                  max={max}
                  purse={purse}
                  debt={debt}
                  decimals={decimals}
                  symbol={symbol}
                  native={isNative(record)}
                />
              }
            />
            <FormEnd isConnected={owner !== undefined} {...{ refusal, failure }} onRefuse={setFailure} />
          </form>
          {owner !== undefined && <Why action={action} limit={limit} state={loaded.state} />}
        </div>
      </section>
      <Section title={`Margin account ${id}`}>
        <div class="panel-body">
          {owner === undefined ? (
            <p class="fine">Connect a wallet to see its account here.</p>
          ) : loaded.state === 'loading' ? (
            <Skeleton lines={6} height={34} />
          ) : loaded.state === 'broken' ? (
            <Notice tone="bad">The account cannot be read: {loaded.words}.</Notice>
          ) : account === undefined ? (
            <p class="fine">
              It is not opened yet. The first deposit opens it, for a rent of {exactAmount(RENT.marginAccount, 9)} SOL
              that comes back when it is closed.
            </p>
          ) : (
            <AccountHealth engine={engine} market={fresh} account={account} now={now} />
          )}
        </div>
      </Section>
    </div>
  );
}

const MAX_WORDS: Readonly<Record<LendAction, string>> = {
  deposit: 'all that your wallet can give',
  withdraw: 'the most that may be withdrawn',
  borrow: 'the most that may be borrowed',
  repay: 'the whole debt, or all that your wallet can give',
};

/** The number of the margin account that the address names. */
function useChosenId(): number {
  const id = Number(useRoute().params.get('id') ?? '0');
  return Number.isInteger(id) && id >= 0 && id < 8 ? id : 0;
}

function paramsOf(id: number): Record<string, string> {
  return id === 0 ? {} : { id: String(id) };
}

function positionIn(
  engine: Engine | undefined,
  market: Market,
  account: MarginAccount | undefined,
  reserve: number,
  now: bigint | undefined,
) {
  if (engine === undefined || account === undefined || now === undefined) {
    return undefined;
  }
  return engine.positions(market, account, now).find((position) => position.reserve === reserve);
}

/** What the engine takes at most of an action that takes out. */
function limitOf(
  action: LendAction,
  engine: Engine | undefined,
  market: Market,
  account: MarginAccount | undefined,
  reserve: number,
  now: bigint | undefined,
): Limit | undefined {
  if (engine === undefined || account === undefined || now === undefined) {
    return undefined;
  }
  if (action === 'deposit' || action === 'repay') {
    return undefined;
  }
  const answer = ask(() =>
    (action === 'borrow' ? engine.maxBorrow : engine.maxWithdraw).call(engine, market, account, reserve, now),
  );
  // Nothing is there to withdraw: the code says so.
  return answer.value ?? { atoms: 0n, refusal: answer.code };
}

function tooMuchWords(input: {
  action: LendAction;
  atoms: bigint | undefined;
  max: bigint | undefined;
  purse: bigint | undefined;
  debt: bigint;
  limit: Limit | undefined;
  symbol: string;
  decimals: number;
}): string | undefined {
  const { action, atoms, max, purse, debt, limit, symbol, decimals } = input;
  if (atoms === undefined || max === undefined || atoms <= max) {
    return undefined;
  }
  const most = `${exactAmount(max, decimals)} ${symbol}`;
  switch (action) {
    case 'deposit':
      return `Your wallet can give ${most} at most.`;
    case 'repay':
      return purse !== undefined && purse < debt ? `Your wallet can give ${most} at most.` : `The debt is ${most}.`;
    default: {
      if (isOfOldPrices(limit?.refusal)) {
        return undefined;
      }
      return limit?.refusal === undefined ? `There is ${most} at most.` : `${most} at most: one atom more is refused.`;
    }
  }
}

function Hint(props: {
  action: LendAction;
  max: bigint | undefined;
  purse: bigint | undefined;
  debt: bigint;
  decimals: number;
  symbol: string;
  native: boolean;
}) {
  const { action, max, purse, debt, decimals, symbol, native } = props;
  const text = (atoms: bigint) => `${exactAmount(atoms, decimals)} ${symbol}`;
  if (action === 'repay') {
    return purse === undefined ? null : <>Debt {text(debt)}</>;
  }
  if (max === undefined) {
    return null;
  }
  return action === 'deposit' ? (
    <>
      {native ? 'Beside fees and rent you have' : 'You have'} {text(max)}
    </>
  ) : (
    <>At most {text(max)}</>
  );
}

/** Why not one atom more. */
function Why({ action, limit, state }: { action: LendAction; limit: Limit | undefined; state: string }) {
  if (action === 'deposit' || action === 'repay') {
    return null;
  }
  if (state === 'absent') {
    return <Notice>There is no account yet: deposit first.</Notice>;
  }
  if (limit?.refusal === undefined) {
    return null;
  }
  const words = describeError(limit.refusal);
  const isRefreshed = isOfOldPrices(limit.refusal);
  return (
    <div class="why">
      <h2 class="minor">Why not one atom more</h2>
      <p>{words}</p>
      {isRefreshed && (
        <p class="fine">The transaction refreshes these prices first. The limit above is by the last ones.</p>
      )}
    </div>
  );
}

function AccountHealth(props: {
  engine: Engine | undefined;
  market: Market;
  account: MarginAccount;
  now: bigint | undefined;
}) {
  const { engine, market, account, now } = props;
  const health = useMemo(
    () => (engine === undefined || now === undefined ? undefined : ask(() => engine.health(market, account, now))),
    [engine, market, account, now],
  );
  return health === undefined ? <Skeleton lines={6} height={34} /> : <HealthOf health={health} />;
}
