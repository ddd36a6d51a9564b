// One account: what a liquidation of it would move, and doing it.

import type { Engine, MarginAccount, Market } from '@ballast/client';
import { useMemo, useState } from 'preact/hooks';
import { liquidationPlan } from '../actions/liquidate.ts';
import { payable } from '../actions/sol.ts';
import { useApp } from '../app.ts';
import { ask } from '../ask.ts';
import { useHolding } from '../holdings.ts';
import type { Names } from '../names.ts';
import { bps, exactAmount } from '../number.ts';
import { AmountField, type AmountInput, readAmount } from '../ui/fields.tsx';
import { HealthTable } from '../ui/healths.tsx';
import { type Pair, TakenTable } from '../ui/pairs.tsx';
import { Badge, Button, Section } from '../ui/parts.tsx';
import { AddressText, Amount } from '../ui/values.tsx';
import { ConnectButton, useConnection } from '../ui/wallet.tsx';

interface Shared {
  readonly engine: Engine;
  readonly market: Market;
  readonly account: MarginAccount;
  readonly names: Names;
  readonly now: bigint;
}

export function Chosen(props: Shared) {
  const { engine, market, account, names, now } = props;
  const [pair, setPair] = useState<Pick<Pair, 'debt' | 'collateral'>>();
  const health = useMemo(() => ask(() => engine.health(market, account, now)).value, [engine, market, account, now]);
  const isLiquidatable = health !== undefined && health.maintenance.debt > health.maintenance.collateral;
  return (
    <Section
      title="One account"
      aside={
        <>
          <AddressText address={account.address} label="address of the account" />{' '}
          <Badge tone={isLiquidatable ? 'bad' : 'good'}>{isLiquidatable ? 'liquidatable' : 'healthy'}</Badge>
        </>
      }
    >
      <HealthTable {...{ engine, account, names }} moments={[{ name: 'Now', market, at: now }]} />
      <TakenTable
        {...{ engine, market, account, names }}
        at={now}
        action={({ debt, collateral, preview }) =>
          preview.value !== undefined && (
            <Button kind="quiet" onClick={() => setPair({ debt, collateral })}>
              Liquidate<span class="unseen"> {`${names.reserve(debt)} for ${names.reserve(collateral)}`}</span>
            </Button>
          )
        }
      />
      {pair !== undefined && isLiquidatable && <Order key={`${pair.debt} ${pair.collateral}`} {...props} {...pair} />}
    </Section>
  );
}

/** How much to pay of one's own. */
function Order(props: Shared & { debt: number; collateral: number }) {
  const { engine, market, account, names, now, debt, collateral } = props;
  const { flow } = useApp();
  const liquidator = useConnection()?.address;
  const paysFrom = useHolding(market, debt, liquidator);
  const takesTo = useHolding(market, collateral, liquidator);
  const [input, setInput] = useState<AmountInput>({ text: '', isMax: true });
  const [symbol, decimals] = [names.reserve(debt), names.decimals(debt)];
  const purse = paysFrom && payable(market.reserves[debt]!, paysFrom, 0n);
  const { atoms, error } = readAmount(input, decimals, purse);
  const tooMuch =
    atoms !== undefined && purse !== undefined && atoms > purse
      ? `Your wallet can give ${exactAmount(purse, decimals)} ${symbol} at most.`
      : undefined;
  const preview = useMemo(
    () =>
      atoms === undefined || atoms === 0n
        ? undefined
        : ask(() =>
            engine.previewLiquidation(market, account, { debt, collateral, maxRepay: atoms, minCollateral: 0n }, now),
          ),
    [engine, market, account, debt, collateral, atoms, now],
  );
  const moved = preview?.value;
  const obstacle =
    error ??
    tooMuch ??
    preview?.words ??
    (purse === 0n ? `Your wallet has no ${symbol} to pay with.` : moved === undefined ? 'Enter an amount.' : undefined);
  return (
    <form
      class="panel-body form ruled"
      onSubmit={(event) => {
        event.preventDefault();
        if (liquidator && paysFrom && takesTo && moved && atoms !== undefined && obstacle === undefined) {
          flow.start(
            liquidationPlan({
              ...{ market, names, liquidator, account, debt, collateral, paysFrom, takesTo },
              preview: moved,
              most: atoms,
            }),
          );
        }
      }}
    >
      <h3>
        Repay {symbol} for {names.reserve(collateral)}
      </h3>
      {liquidator === undefined ? (
        <div>
          <ConnectButton />
        </div>
      ) : (
        <>
          <div class="order">
            <AmountField
              label="Pay at most"
              symbol={symbol}
              decimals={decimals}
              input={input}
              onInput={setInput}
              max={purse}
              maxLabel="Max: all that your wallet can give"
              error={input.text === '' && !input.isMax ? undefined : (tooMuch ?? preview?.words)}
              hint={
                purse !== undefined && (
                  <>
                    You have {exactAmount(purse, decimals)} {symbol}
                  </>
                )
              }
            />
            {moved !== undefined && (
              <dl class="rows">
                <dt>You pay</dt>
                <dd>
                  <Amount
                    atoms={moved.repaid + moved.insurance}
                    decimals={decimals}
                    rounding="up"
                    symbol={symbol}
                    digits={decimals}
                  />
                </dd>
                <dt>of it into the insurance</dt>
                <dd>
                  <Amount atoms={moved.insurance} decimals={decimals} rounding="up" symbol={symbol} digits={decimals} />
                </dd>
                <dt>You get</dt>
                <dd>
                  <Amount
                    atoms={moved.seized}
                    decimals={names.decimals(collateral)}
                    rounding="down"
                    symbol={names.reserve(collateral)}
                    digits={names.decimals(collateral)}
                  />
                </dd>
                <dt>Penalty</dt>
                <dd>{bps(moved.penaltyBps)}</dd>
              </dl>
            )}
          </div>
          <div class="buttons">
            <Button
              kind="main"
              type="submit"
              disabled={obstacle !== undefined || takesTo === undefined}
              reason={obstacle ?? 'Your accounts are still being read'}
            >
              Review
            </Button>
          </div>
          {purse === 0n && <p class="fine">Your wallet has no {symbol} to pay with.</p>}
        </>
      )}
    </form>
  );
}
