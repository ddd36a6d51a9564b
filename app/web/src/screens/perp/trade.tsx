// The form of a trade. What it would do is the engine's, played on the market as it is.

import type { Engine, Fill, MarginAccount, Market, PerpReport, TradeOrder } from '@ballast/client';
import type { Address } from '@solana/kit';
import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { tradePlan } from '../../actions/perp.ts';
import { useApp } from '../../app.ts';
import { type Answer, ask } from '../../ask.ts';
import { useAccountAddresses, useEngine, useMarginAccount, useNow, useRoute } from '../../hooks.ts';
import { exactAmount, parseAmount, percent, price } from '../../number.ts';
import {
  type Contract,
  lotPrice,
  lotsFor,
  lotsText,
  partOf,
  priceText,
  unitPrice,
  valueAt,
  worstPrice,
} from '../../perps.ts';
import { go, href } from '../../route.ts';
import { useFreshMarket } from '../../tx/preview.ts';
import { Choice } from '../../ui/choice.tsx';
import { type AmountInput, AmountField, NO_AMOUNT, readAmount, SelectField, TextField } from '../../ui/fields.tsx';
import { FormEnd } from '../../ui/form.tsx';
import { HealthChange } from '../../ui/health.tsx';
import { Notice, Section, Skeleton } from '../../ui/parts.tsx';

/** By how much the price may be worse when a trade lands, unless one says otherwise: basis points. */
const SLIPPAGE = 100n;

/** An order with its bounds, as the engine plays it. */
interface Played {
  readonly order: TradeOrder;
  readonly fill: Fill;
  readonly market: Market;
  readonly account: MarginAccount;
}

/** Plays an order, and bounds it by what it does now where no limit is given. */
export function playOrder(
  engine: Engine,
  market: Market,
  account: MarginAccount,
  order: TradeOrder,
  now: bigint,
): Answer<Played> {
  return ask(() => {
    const play = (one: TradeOrder) => engine.play(market, account, { kind: 'trade', ...one }, now);
    const first = play(order);
    const { price: paid, gain, factor } = first.moved;
    const bounded: TradeOrder = {
      ...order,
      limit: order.limit ?? worstPrice(paid, SLIPPAGE, order.lots > 0n),
      // Of a gain a thousandth less than now.
      minFactor: gain === 0n ? 0 : factor - Math.ceil(factor / 1_000),
    };
    const { market: after, account: mine, moved } = order.limit === undefined ? first : play(bounded);
    return { order: bounded, fill: moved, market: after, account: mine };
  });
}

type Side = 'buy' | 'sell';
type Unit = 'size' | 'value';

interface TradeProps {
  readonly market: Market;
  readonly contract: Contract;
  readonly report: PerpReport | undefined;
  readonly owner: Address | undefined;
}

export function TradeForm({ market, contract, report, owner }: TradeProps) {
  const { flow } = useApp();
  const engine = useEngine();
  const now = useNow();
  const { params } = useRoute();
  const addresses = useAccountAddresses(owner);
  const id = Math.min(7, Math.max(0, Math.trunc(Number(params.get('id') ?? '0')) || 0));
  const loaded = useMarginAccount(addresses[id]);
  const account = loaded.state === 'ready' ? loaded.value : undefined;
  const { perp, quoteDecimals, quoteSymbol, unit: token, lotDecimals } = contract;
  const fresh = useFreshMarket(
    market,
    account,
    [perp.config.price, contract.quote],
    owner,
    now,
    Math.trunc(perp.config.maxTradeAge / 2),
  );
  const [side, setSide] = useState<Side>('buy');
  const [unit, setUnit] = useState<Unit>('size');
  const [input, setInput] = useState<AmountInput>(NO_AMOUNT);
  const [limitText, setLimitText] = useState('');
  const [isReduceOnly, setReduceOnly] = useState(false);
  const [failure, setFailure] = useState<string>();

  const isBuy = side === 'buy';
  const sign = isBuy ? 1n : -1n;
  const at = report && (isBuy ? report.offered.high : report.offered.low);
  const limitOf = useMemo(() => {
    if (engine === undefined || account === undefined || now === undefined) {
      return undefined;
    }
    const order = { perp: contract.index, lots: sign, reduceOnly: isReduceOnly };
    return ask(() => engine.maxTrade(fresh, account, order, now));
  }, [engine, fresh, account, now, contract.index, sign, isReduceOnly]);
  const maxLots = limitOf?.value?.atoms ?? (limitOf === undefined ? undefined : 0n);
  const max =
    maxLots === undefined || at === undefined ? undefined : unit === 'size' ? maxLots : valueAt(maxLots, at, 'down');
  const decimals = unit === 'size' ? lotDecimals : quoteDecimals;
  const { atoms, error } = readAmount(input, decimals, max);
  const lots = atoms === undefined || at === undefined ? undefined : unit === 'size' ? atoms : lotsFor(atoms, at);
  const limit = readLimit(limitText, contract, isBuy);
  const played = useMemo(() => {
    const isReady = engine !== undefined && account !== undefined && now !== undefined;
    if (!isReady || lots === undefined || lots === 0n || limit.error !== undefined) {
      return undefined;
    }
    const order = { perp: contract.index, lots: sign * lots, reduceOnly: isReduceOnly };
    return playOrder(engine, fresh, account, limit.price === undefined ? order : { ...order, limit: limit.price }, now);
  }, [engine, fresh, account, now, contract.index, lots, sign, isReduceOnly, limitText]);
  const tooSmall = lots === 0n ? `That is less than a lot: ${lotsText(contract, 1n)}.` : undefined;
  const wrong = error ?? tooSmall ?? played?.words;
  const reason = wrong ?? limit.error ?? (account === undefined ? 'There is no margin account to trade in' : undefined);

  const submit = () => {
    if (played?.value === undefined || account === undefined || owner === undefined || reason !== undefined) {
      setFailure(reason ?? 'Enter a size.');
      return;
    }
    setFailure(undefined);
    const { order, fill } = played.value;
    flow.start(tradePlan({ market, owner, account, contract, order, fill }));
  };

  return (
    <div class="columns act">
      <section class="panel" aria-label="Trade">
        <div class="panel-body form">
          <Choice
            label="Side"
            value={side}
            options={[
              { value: 'buy', label: `Buy ${token}` },
              { value: 'sell', label: `Sell ${token}` },
            ]}
            onChange={setSide}
          />
          <form
            class="fields"
            onSubmit={(event) => {
              event.preventDefault();
              submit();
            }}
          >
            <Choice
              label="Size in"
              value={unit}
              options={[
                { value: 'size', label: `Size in ${token}` },
                { value: 'value', label: `Value in ${quoteSymbol}` },
              ]}
              onChange={(next) => {
                setUnit(next);
                setInput(NO_AMOUNT);
              }}
            />
            <AmountField
              label={unit === 'size' ? 'Size' : 'Value'}
              symbol={unit === 'size' ? token : quoteSymbol}
              decimals={decimals}
              input={input}
              onInput={(next) => {
                setInput(next);
                setFailure(undefined);
              }}
              max={max}
              maxLabel="Max: the most that is possible now"
              error={error === undefined ? wrong : undefined}
              hint={
                max === undefined ? `A lot is ${lotsText(contract, 1n)}` : <>At most {exactAmount(max, decimals)}</>
              }
            />
            <TextField
              label={`Worst price, ${quoteSymbol} a ${token === 'lots' ? 'lot' : token}`}
              value={limitText}
              placeholder={
                played?.value === undefined
                  ? '1 % worse than now'
                  : `${exactAmount(unitPrice(contract, played.value.order.limit!, isBuy ? 'down' : 'up'), quoteDecimals)}: 1 % worse than now`
              }
              error={limit.error}
              onInput={setLimitText}
            />
            <label class="check">
              <input
                type="checkbox"
                checked={isReduceOnly}
                onChange={(event) => setReduceOnly(event.currentTarget.checked)}
              />{' '}
              Reduce only: it may shrink a position, and open none
            </label>
            <FormEnd isConnected={owner !== undefined} refusal={reason} failure={failure} />
          </form>
        </div>
      </section>
      <Section
        title="What it does"
        aside={
          owner !== undefined && (
            <SelectField
              label="Margin account"
              value={id}
              options={addresses.map((_, number) => ({ value: number, label: String(number) }))}
              onChange={(number) => go('perps', [contract.index], number === 0 ? {} : { id: String(number) })}
            />
          )
        }
      >
        <div class="panel-body">
          {owner === undefined ? (
            <p class="fine">Connect a wallet to trade from its margin account.</p>
          ) : loaded.state === 'loading' ? (
            <Skeleton lines={6} height={30} />
          ) : account === undefined ? (
            <Notice>
              Margin account {id} is not opened yet.{' '}
              <a href={href('act', ['deposit', contract.quote], { id: String(id) })}>Deposit collateral</a> first: any
              token that counts as collateral, best {quoteSymbol}, in which losses are paid.
            </Notice>
          ) : played?.value === undefined ? (
            <p class="fine">
              {limitOf?.words ??
                `Enter a size: what the trade would do to price, fee and health stands here before you sign.`}
            </p>
          ) : (
            engine !== undefined &&
            now !== undefined && (
              <Outcome {...{ engine, now, contract, isBuy }} before={fresh} account={account} played={played.value} />
            )
          )}
        </div>
      </Section>
    </div>
  );
}

/** A lot's worst price, of a typed one of the unit; none: one by the price of now. */
function readLimit(text: string, contract: Contract, isBuy: boolean): { price?: bigint; error?: string } {
  if (text.trim() === '') {
    return {};
  }
  const { atoms, error } = parseAmount(text, contract.quoteDecimals);
  if (error !== undefined) {
    return { error };
  }
  const limit = lotPrice(contract, atoms, isBuy ? 'down' : 'up');
  return limit === 0n ? { error: 'Enter a price above zero.' } : { price: limit };
}

interface OutcomeProps {
  readonly engine: Engine;
  readonly now: bigint;
  readonly contract: Contract;
  readonly isBuy: boolean;
  readonly before: Market;
  readonly account: MarginAccount;
  readonly played: Played;
}

function Outcome({ engine, now, contract, isBuy, before, account, played }: OutcomeProps) {
  const { fill, order } = played;
  const amount = (atoms: bigint) => `${exactAmount(atoms, contract.quoteDecimals)} ${contract.quoteSymbol}`;
  const position = ask(() => engine.positionReport(played.market, played.account, contract.index, now)).value;
  const liquidated = ask(() =>
    engine.liquidationPrice(played.market, played.account, contract.perp.config.price, now),
  ).value;
  const traded = valueAt(fill.lots, fill.price, 'up');
  const rounding = isBuy ? 'up' : 'down';
  const rows: readonly (readonly [name: string, value: ComponentChildren] | undefined)[] = [
    [isBuy ? 'Bought' : 'Sold', lotsText(contract, fill.lots)],
    ['Price, impact in it', priceText(contract, fill.price, rounding)],
    ['Fails if worse than', priceText(contract, order.limit!, rounding)],
    [
      'Fee',
      `${amount(fill.fee)}, ${traded === 0n ? '–' : percent(Number((fill.fee * 1_000_000n) / traded) / 1_000_000, 3)}`,
    ],
    fill.impact > 0n ? ['Impact on the skew', amount(fill.impact)] : undefined,
    fill.rebate > 0n ? ['Rebate for lessening the skew', amount(fill.rebate)] : undefined,
    fill.gain > 0n ? ['Gain paid out', `${amount(fill.gain)}, ${percent(partOf(fill.factor))} of it`] : undefined,
    fill.loss > 0n ? ['Loss paid', amount(fill.loss)] : undefined,
    [
      'Position after it',
      position === undefined || position.lots === 0n
        ? 'none'
        : `${position.lots < 0n ? 'short' : 'long'} ${lotsText(contract, position.lots < 0n ? -position.lots : position.lots)}`,
    ],
    ['Liquidated at', liquidated === undefined ? 'no price' : price(liquidated, isBuy ? 'up' : 'down')],
  ];
  return (
    <>
      <dl class="rows">
        {rows.map(
          (row) => row !== undefined && [<dt key={row[0]}>{row[0]}</dt>, <dd key={`${row[0]} value`}>{row[1]}</dd>],
        )}
      </dl>
      <h3>Health, collateral ÷ debt and margin</h3>
      <HealthChange
        before={ask(() => engine.health(before, account, now))}
        after={ask(() => engine.health(played.market, played.account, now))}
      />
    </>
  );
}
