// Coming to a pool and leaving it. Shares of a pool are held in a margin account that holds no debts and no positions.

import {
  type Action,
  type MarginAccount,
  type Market,
  perpPositions,
  type PoolStake,
  poolAt,
  poolStake,
} from '@ballast/client';
import type { Address } from '@solana/kit';
import { useState } from 'preact/hooks';
import { poolDepositPlan, poolRequestPlan, type PoolScene, poolWithdrawPlan } from '../../actions/perp.ts';
import { payable, RENT } from '../../actions/sol.ts';
import { useApp } from '../../app.ts';
import { type Answer, ask } from '../../ask.ts';
import { errorWords } from '../../errors.ts';
import { useHolding } from '../../holdings.ts';
import { useAccountAddresses, useMarginAccounts } from '../../hooks.ts';
import type { Names } from '../../names.ts';
import { duration, exactAmount, moment } from '../../number.ts';
import { href } from '../../route.ts';
import type { Plan } from '../../tx/plan.ts';
import { Choice } from '../../ui/choice.tsx';
import { type AmountInput, AmountField, NO_AMOUNT, readAmount, SelectField } from '../../ui/fields.tsx';
import { FormEnd } from '../../ui/form.tsx';
import { Badge, Button, Notice, Section, Skeleton } from '../../ui/parts.tsx';
import { Amount } from '../../ui/values.tsx';
import { lesser } from '../../tolerance.ts';
import { ConnectButton } from '../../ui/wallet.tsx';
import type { PoolView } from '../pool.tsx';

/** For how long shares may be taken once they are free, seconds. */
const WINDOW = 172_800n;

interface ActProps {
  readonly market: Market;
  readonly view: PoolView;
  readonly names: Names;
  readonly owner: Address | undefined;
  readonly action: string | undefined;
}

/** A margin account that holds shares of the pool, or could. */
interface Place {
  readonly id: number;
  readonly address: Address;
  readonly account: MarginAccount | undefined;
  readonly stake: PoolStake | undefined;
}

export function PoolAct(props: ActProps) {
  const { owner, view } = props;
  const addresses = useAccountAddresses(owner);
  const accounts = useMarginAccounts(addresses);
  const places = addresses.flatMap((address, id): Place[] => {
    const account = accounts?.find((one) => one.address === address);
    const stake = account && poolStake(account);
    const isOther = stake !== undefined && stake.pool !== view.index;
    const isBusy = account !== undefined && (owes(account) || perpPositions(account).length > 0);
    return isOther || isBusy ? [] : [{ id, address, account, stake }];
  });
  const isReady = owner !== undefined && accounts !== undefined;
  const held = places.filter(({ stake }) => stake !== undefined);
  return (
    <div class="columns act">
      <section class="panel" aria-label="Enter">
        <header class="panel-head">
          <h2>Enter</h2>
        </header>
        <div class="panel-body">
          {owner === undefined ? (
            <>
              <p class="fine">Shares are held in a margin account that holds no debts and no positions.</p>
              <div>
                <ConnectButton />
              </div>
            </>
          ) : !isReady ? (
            <Skeleton lines={5} height={40} />
          ) : (
            <Enter {...props} owner={owner} places={places} />
          )}
        </div>
      </section>
      <Section title="Yours">
        <div class="panel-body">
          {owner === undefined ? (
            <p class="fine">Connect a wallet to see what it has in this pool.</p>
          ) : !isReady ? (
            <Skeleton lines={3} height={30} />
          ) : held.length === 0 ? (
            <p class="fine">You have no shares of this pool.</p>
          ) : (
            held.map((place) => <Stake key={place.id} {...props} owner={owner} place={place} stake={place.stake!} />)
          )}
        </div>
      </Section>
    </div>
  );
}

/** The `side` of a debt. */
const DEBT = 2;

function owes({ positions, positionCount }: MarginAccount): boolean {
  return positions.slice(0, positionCount).some(({ side }) => side === DEBT);
}

function sceneOf({ market, view, names, owner }: ActProps & { owner: Address }, place: Place): PoolScene {
  const { config } = names;
  return {
    config,
    market,
    owner,
    pool: view.index,
    marginAccount: place.address,
    id: place.id,
    account: place.account,
  };
}

/** What entering does: how much goes in of what is paid, and the shares for it. */
interface Entry {
  readonly amount: bigint;
  readonly shares: bigint;
}

/** Plays it: shares of a reserve may be worth an atom less than what they were bought for, so what is paid may not go in whole. */
function playEntry(
  view: PoolView,
  place: Place,
  owner: Address,
  reserve: number,
  paid: bigint,
  isWallet: boolean,
): Answer<Entry> {
  const { engine, market, now, index } = view;
  return ask(() => {
    const before = place.account ?? engine.opened(market, { address: place.address, owner, id: place.id });
    const pay: Action = { kind: 'deposit', reserve, amount: paid };
    const first = isWallet ? engine.play(market, before, pay, now) : { market, account: before };
    const there =
      engine.positions(first.market, first.account, now).find((one) => one.reserve === reserve)?.amount ?? 0n;
    const amount = lesser(paid, there);
    const { moved } = engine.play(first.market, first.account, { kind: 'poolDeposit', pool: index, amount }, now);
    return { amount, shares: moved.shares };
  });
}

function Enter(props: ActProps & { owner: Address; places: readonly Place[] }) {
  const { market, view, names, owner, places } = props;
  const { flow } = useApp();
  const reserve = names.quote(view.index);
  const symbol = names.reserve(reserve);
  const decimals = names.decimals(reserve);
  const holding = useHolding(market, reserve, owner);
  const [chosen, setChosen] = useState<number>();
  const [from, setFrom] = useState<'wallet' | 'account'>('wallet');
  const [input, setInput] = useState<AmountInput>(NO_AMOUNT);
  const [failure, setFailure] = useState<string>();
  const place = places.find(({ id }) => id === chosen) ?? places.find(({ stake }) => stake !== undefined) ?? places[0];
  if (place === undefined) {
    return <Notice>All your margin accounts hold debts, positions, or shares of another pool.</Notice>;
  }
  const { engine, prices, now } = view;
  const toOpen = place.account === undefined ? RENT.marginAccount : 0n;
  const isWallet = from === 'wallet';
  const deposited =
    place.account === undefined
      ? 0n
      : (ask(() => engine.positions(view.market, place.account!, now)).value?.find((one) => one.reserve === reserve)
          ?.amount ?? 0n);
  const purse = isWallet ? holding && payable(market.reserves[reserve]!, holding, toOpen) : deposited;
  const max = purse && lesser(purse, prices.room);
  const { atoms, error } = readAmount(input, decimals, max);
  const text = (count: bigint) => `${exactAmount(count, decimals)} ${symbol}`;
  const tooMuch =
    atoms === undefined || purse === undefined || atoms <= purse
      ? undefined
      : isWallet
        ? `Your wallet can give ${text(purse)} at most.`
        : `The deposit is ${text(purse)}.`;
  const played =
    atoms === undefined || atoms === 0n || tooMuch !== undefined
      ? undefined
      : playEntry(view, place, owner, reserve, atoms, isWallet);
  const wrong = error ?? tooMuch ?? played?.words;
  const reason = wrong ?? (isWallet && holding === undefined ? 'Your accounts are still being read' : undefined);
  const submit = async () => {
    if (played?.value === undefined || atoms === undefined || reason !== undefined) {
      setFailure(reason ?? 'Enter an amount.');
      return;
    }
    try {
      const paying = isWallet ? { holding: holding!, paid: atoms } : undefined;
      flow.start(await poolDepositPlan(sceneOf(props, place), played.value.amount, paying));
      setFailure(undefined);
    } catch (thrown) {
      setFailure(errorWords(thrown));
    }
  };
  return (
    <form
      class="fields"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Choice
        label="Out of"
        value={from}
        options={[
          { value: 'wallet', label: 'From the wallet' },
          { value: 'account', label: 'From the account’s deposit' },
        ]}
        onChange={setFrom}
      />
      <SelectField
        label="Margin account"
        value={place.id}
        options={places.map(({ id, account, stake }) => ({
          value: id,
          label: `${id}${stake !== undefined ? ', holds your shares' : account === undefined ? ', to be opened' : ''}`,
        }))}
        onChange={setChosen}
      />
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
        maxLabel="Max: the most that is possible now"
        error={error === undefined ? wrong : undefined}
        hint={max !== undefined && <>At most {exactAmount(max, decimals)}</>}
      />
      {played?.value !== undefined && wrong === undefined && (
        <dl class="rows" aria-label="What it does">
          <dt>Goes into the pool</dt>
          <dd>{text(played.value.amount)}</dd>
          <dt>Shares, at prices of now</dt>
          <dd>{exactAmount(played.value.shares, decimals)}</dd>
        </dl>
      )}
      <FormEnd isConnected refusal={reason} failure={failure} />
    </form>
  );
}

function Stake(props: ActProps & { owner: Address; place: Place; stake: PoolStake }) {
  const { market, view, names, place, stake } = props;
  const { flow } = useApp();
  const { prices, now, index, engine } = view;
  const reserve = names.quote(index);
  const decimals = names.decimals(reserve);
  const { leaveDelay } = poolAt(market, index).config;
  const [input, setInput] = useState<AmountInput>(NO_AMOUNT);
  const { atoms, error } = readAmount(input, decimals, stake.shares);
  const wrong =
    error ??
    (atoms !== undefined && atoms > stake.shares
      ? `You hold ${exactAmount(stake.shares, decimals)} shares.`
      : undefined);
  const scene = sceneOf(props, place);
  const start = (plan: Plan) => flow.start(plan);
  const shares = (count: bigint) => (
    <Amount atoms={count} decimals={decimals} rounding="down" symbol="shares" digits={4} />
  );
  const freeFrom = BigInt(stake.freeFrom);
  const isAsked = stake.askedFor > 0n;
  const isFree = isAsked && now >= freeFrom && now <= freeFrom + WINDOW;
  const isMissed = isAsked && now > freeFrom + WINDOW;
  const leaving =
    place.account === undefined || !isFree
      ? undefined
      : ask(() => engine.play(view.market, place.account!, { kind: 'poolWithdraw', pool: index }, now).moved);
  return (
    <div class="why">
      <h3>
        In margin account {place.id} {isFree && <Badge tone="good">free to leave</Badge>}
        {isMissed && <Badge tone="warn">window missed</Badge>}
      </h3>
      <dl class="rows">
        <dt>Shares</dt>
        <dd>{shares(stake.shares)}</dd>
        <dt>Worth to leave</dt>
        <dd>
          <Amount
            atoms={((prices.exit ?? 0n) * stake.shares) / 1_000_000n}
            decimals={decimals}
            rounding="down"
            symbol={names.reserve(reserve)}
            digits={4}
          />
        </dd>
        {isAsked && (
          <>
            <dt>Asked for</dt>
            <dd>{shares(stake.askedFor)}</dd>
            <dt>{isMissed ? 'Could be taken until' : isFree ? 'Can be taken until' : 'Can be taken from'}</dt>
            <dd>{moment(isFree || isMissed ? freeFrom + WINDOW : freeFrom)}</dd>
          </>
        )}
        {leaving?.value !== undefined && (
          <>
            <dt>Leaves now, for</dt>
            <dd>
              {shares(leaving.value.shares)} {exactAmount(leaving.value.amount, decimals)} {names.reserve(reserve)}
            </dd>
          </>
        )}
      </dl>
      {isAsked && !isFree && !isMissed && (
        <p class="fine">In {duration(freeFrom - now)} they are free, for two days.</p>
      )}
      {isMissed && <Notice tone="warn">The two days to take them are over: ask again, and wait again.</Notice>}
      {isFree && leaving?.words !== undefined && <Notice tone="warn">{leaving.words}</Notice>}
      <div class="buttons">
        {isFree && (
          <Button
            kind="main"
            disabled={leaving?.value === undefined}
            reason={leaving?.words}
            onClick={() => start(poolWithdrawPlan(scene))}
          >
            Leave
          </Button>
        )}
        {isAsked && <Button onClick={() => start(poolRequestPlan(scene, 0n))}>Stay</Button>}
        {!isAsked && stake.shares === 0n && (
          <a href={href('act', ['withdraw', reserve], { id: String(place.id) })}>Withdraw the deposit</a>
        )}
      </div>
      {(!isAsked || isMissed) && stake.shares > 0n && (
        <form
          class="fields"
          onSubmit={(event) => {
            event.preventDefault();
            if (atoms !== undefined && wrong === undefined) {
              start(poolRequestPlan(scene, atoms));
            }
          }}
        >
          <AmountField
            label="Shares to leave with"
            symbol="shares"
            decimals={decimals}
            input={input}
            onInput={setInput}
            max={stake.shares}
            maxLabel="Max: all shares"
            error={error === undefined ? wrong : undefined}
            hint={<>Free in {duration(leaveDelay)}</>}
          />
          <div class="buttons">
            <Button
              type="submit"
              disabled={wrong !== undefined || atoms === undefined}
              reason={wrong ?? 'Enter the shares'}
            >
              Ask to leave
            </Button>
          </div>
        </form>
      )}
    </div>
  );
}
