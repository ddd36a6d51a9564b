// The insurance of each reserve: what lies there, who bears what, and one's stake.

import { type Market, reserveAt } from '@ballast/client';
import { openReserves, usdOf } from '../books.ts';
import { reportedLost, stakeWorth } from '../insurance.ts';
import { useStakes } from '../insurance-hooks.ts';
import { type Names, useNames } from '../names.ts';
import { bps, duration, ratio } from '../number.ts';
import { href } from '../route.ts';
import { Badge, Notice, Screen, Section, Skeleton, Table } from '../ui/parts.tsx';
import { OfMarket } from '../ui/subject.tsx';
import { Amount, Usd } from '../ui/values.tsx';
import { useConnection } from '../ui/wallet.tsx';
import type { ScreenProps } from './index.ts';
import { StakeForms } from './insurance/stake.tsx';

export default function InsuranceScreen({ args }: ScreenProps) {
  return (
    <Screen title="Insurance" lede="Bears a reserve’s losses before its depositors do, and earns a part of its income.">
      <OfMarket waiting={<Waiting />}>{(market) => <Pots market={market} given={args[0]} />}</OfMarket>
    </Screen>
  );
}

function Waiting() {
  return (
    <div class="panel">
      <Skeleton lines={6} height={57} />
    </div>
  );
}

function Pots({ market, given }: { market: Market; given: string | undefined }) {
  const names = useNames(market);
  const connection = useConnection();
  const indices = openReserves(market);
  const stakes = useStakes(market, indices, connection?.address);
  const [first] = indices;
  if (first === undefined) {
    return <Notice>Nothing is listed in this market yet.</Notice>;
  }
  if (given !== undefined && !indices.includes(Number(given))) {
    return (
      <Notice>
        The market has no open reserve {given}. <a href={href('insurance')}>See all</a>.
      </Notice>
    );
  }
  const chosen = given === undefined ? first : Number(given);
  return (
    <>
      <Section title="Pots" aside="Choose a reserve to stake in it or leave it.">
        <Table
          caption="The insurance of each reserve"
          rows={indices}
          keyOf={(index) => index}
          columns={[
            {
              head: 'Token',
              cell: (index) => (
                <span class="token">
                  <a href={href('insurance', [index])} aria-current={index === chosen ? 'true' : undefined}>
                    {names.reserve(index)}
                  </a>
                  {reserveAt(market, index).doubtful !== 0n && <Badge tone="bad">loss reported</Badge>}
                  {reserveAt(market, index).config.reduceOnly !== 0 && <Badge tone="warn">reduce only</Badge>}
                </span>
              ),
            },
            {
              head: 'Pot',
              isNumber: true,
              cell: (index) => {
                const reserve = reserveAt(market, index);
                const value = usdOf(reserve, reserve.insurance.assets);
                return (
                  <span class="stack">
                    <Amount atoms={reserve.insurance.assets} decimals={reserve.decimals} rounding="down" />
                    {value !== undefined && (
                      <span class="under">
                        <Usd value={value} rounding="down" />
                      </span>
                    )}
                  </span>
                );
              },
            },
            {
              head: 'A share',
              isNumber: true,
              cell: (index) => <SharePrice market={market} index={index} />,
            },
            {
              head: 'Of stakers',
              isNumber: true,
              cell: (index) => {
                const { staked, shares } = reserveAt(market, index).insurance;
                return ratio(staked, shares);
              },
            },
            {
              head: 'Earns of fees, penalties',
              isNumber: true,
              cell: (index) => {
                const { feeShare, penaltyShare } = reserveAt(market, index).config.insurance;
                return `${bps(feeShare)}, ${bps(penaltyShare)}`;
              },
            },
            {
              head: 'Cooldown',
              isNumber: true,
              cell: (index) => duration(reserveAt(market, index).config.insurance.cooldown),
            },
            {
              head: 'Your stake',
              isNumber: true,
              cell: (index) => {
                const own = stakes?.get(index)?.loaded;
                const reserve = reserveAt(market, index);
                const isAlive = own?.state === 'ready' && own.value.generation === reserve.insurance.generation;
                return connection === undefined ? (
                  '–'
                ) : (
                  <Amount
                    atoms={isAlive ? stakeWorth(reserve, own.value.shares) : 0n}
                    decimals={reserve.decimals}
                    rounding="down"
                  />
                );
              },
            },
          ]}
        />
      </Section>
      <div class="columns act">
        <StakeForms
          key={chosen}
          market={market}
          index={chosen}
          names={names}
          owner={connection?.address}
          own={stakes?.get(chosen)}
        />
        <Losses market={market} index={chosen} names={names} />
      </div>
    </>
  );
}

/** Tokens of a share, with six digits. */
function SharePrice({ market, index }: { market: Market; index: number }) {
  const { shares } = reserveAt(market, index).insurance;
  return shares === 0n ? (
    <>–</>
  ) : (
    <Amount atoms={stakeWorth(reserveAt(market, index), 1_000_000n)} decimals={6} rounding="down" digits={6} />
  );
}

/** What it has borne, and what waits for it. */
function Losses({ market, index, names }: { market: Market; index: number; names: Names }) {
  const reserve = reserveAt(market, index);
  const { insurance, doubtful, decimals } = reserve;
  const symbol = names.reserve(index);
  return (
    <Section title="Losses">
      <div class="panel-body">
        <dl class="rows">
          <dt>Losses that took all of it</dt>
          <dd>{insurance.generation === 0 ? 'none' : insurance.generation}</dd>
          <dt>Debts reported lost, to be settled</dt>
          <dd>
            {doubtful === 0n ? (
              'none'
            ) : (
              <Amount atoms={reportedLost(reserve)} decimals={decimals} rounding="up" symbol={symbol} />
            )}
          </dd>
        </dl>
        {doubtful !== 0n && (
          <Notice tone="bad">
            A loss is reported and not settled: whoever leaves now bears a part of it, as those who stay do.
          </Notice>
        )}
        <h3>Who bears a loss, in this order</h3>
        <ol class="told">
          <li>
            This insurance: <Amount atoms={insurance.assets} decimals={decimals} rounding="down" /> {symbol}
          </li>
          <li>
            Fees set aside: <Amount atoms={reserve.claimable} decimals={decimals} rounding="down" /> {symbol}
          </li>
          <li>Fees still in the books</li>
          <li>The depositors of this reserve, in proportion</li>
        </ol>
        <p class="fine">
          What a loss took lowers the price of a share: it is below one where losses were above what was earned.
        </p>
      </div>
    </Section>
  );
}
