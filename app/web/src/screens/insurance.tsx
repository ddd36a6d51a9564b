// The insurance of each reserve: what lies there, who bears what, and one's stake.

import { type Market, reserveAt } from '@ballast/client';
import type { Address } from '@solana/kit';
import { useState } from 'preact/hooks';
import { payable, RENT } from '../actions/sol.ts';
import { askPlan, closeStakePlan, type StakeScene, stakePlan, takePlan } from '../actions/stake.ts';
import { useApp } from '../app.ts';
import { openReserves, usdOf } from '../books.ts';
import { errorWords } from '../errors.ts';
import { useHolding } from '../holdings.ts';
import { useMarket, useNow } from '../hooks.ts';
import { type OwnStake, phaseOf, reportedLost, sharesFor, stakeWorth, useStakes, WINDOW } from '../insurance.ts';
import { type Names, useNames } from '../names.ts';
import { bps, duration, exactAmount, moment, ratio } from '../number.ts';
import { href } from '../route.ts';
import type { Plan } from '../tx/plan.ts';
import { type AmountInput, AmountField, NO_AMOUNT, readAmount } from '../ui/fields.tsx';
import { Badge, Button, Notice, Screen, Section, Skeleton, Table } from '../ui/parts.tsx';
import { Amount, Usd } from '../ui/values.tsx';
import { ConnectButton, useConnection } from '../ui/wallet.tsx';
import type { ScreenProps } from './index.ts';

export default function InsuranceScreen({ args }: ScreenProps) {
  const market = useMarket();
  return (
    <Screen title="Insurance" lede="Bears a reserve’s losses before its depositors do, and earns a part of its income.">
      {market.state === 'loading' && <Waiting />}
      {market.state === 'absent' && (
        <Notice tone="bad">There is no account at the market’s address on this chain.</Notice>
      )}
      {market.state === 'broken' && <Notice tone="bad">The market cannot be read: {market.words}.</Notice>}
      {market.state === 'ready' && <Pots market={market.value} given={args[0]} />}
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
        <One
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
            This insurance: <Amount atoms={insurance.assets} decimals={decimals} rounding="down" symbol={symbol} />
          </li>
          <li>
            Fees set aside: <Amount atoms={reserve.claimable} decimals={decimals} rounding="down" symbol={symbol} />
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

interface OneProps {
  readonly market: Market;
  readonly index: number;
  readonly names: Names;
  readonly owner: Address | undefined;
  readonly own: OwnStake | undefined;
}

function One({ market, index, names, owner, own }: OneProps) {
  const { config } = useApp();
  const holding = useHolding(market, index, owner);
  const symbol = names.reserve(index);
  const isRead = own !== undefined && own.loaded.state !== 'loading' && holding !== undefined;
  return (
    <Section title={`Stake ${symbol}`}>
      <div class="panel-body">
        {owner === undefined ? (
          <>
            <p class="fine">
              Staked tokens bear losses first. Leaving takes{' '}
              {duration(reserveAt(market, index).config.insurance.cooldown)}.
            </p>
            <div>
              <ConnectButton />
            </div>
          </>
        ) : !isRead ? (
          <Skeleton lines={5} height={36} />
        ) : own.loaded.state === 'broken' ? (
          <Notice tone="bad">The stake cannot be read: {own.loaded.words}.</Notice>
        ) : (
          <Forms
            scene={{
              config,
              market,
              owner,
              reserve: index,
              stake: own.address,
              isOpen: own.loaded.state === 'ready',
              holding,
            }}
            own={own}
            names={names}
          />
        )}
      </div>
    </Section>
  );
}

function Forms({ scene, own, names }: { scene: StakeScene; own: OwnStake; names: Names }) {
  const { flow } = useApp();
  const now = useNow();
  const [failure, setFailure] = useState<string>();
  const { market, reserve: index, holding, isOpen } = scene;
  const reserve = reserveAt(market, index);
  const symbol = names.reserve(index);
  const start = async (make: () => Plan | Promise<Plan>) => {
    try {
      flow.start(await make());
      setFailure(undefined);
    } catch (error) {
      setFailure(errorWords(error));
    }
  };
  const stake = own.loaded.state === 'ready' ? own.loaded.value : undefined;
  const phase = stake === undefined || now === undefined ? undefined : phaseOf(stake, reserve, now);
  const held = stake === undefined || phase === 'lost' ? 0n : stake.shares;
  const worth = stakeWorth(reserve, held);
  const amount = (atoms: bigint) => (
    <Amount atoms={atoms} decimals={reserve.decimals} rounding="down" symbol={symbol} />
  );
  return (
    <>
      <Sum
        label="Stake"
        verb="Stake"
        symbol={symbol}
        decimals={reserve.decimals}
        max={payable(reserve, holding, isOpen ? 0n : RENT.stake)}
        over="Your wallet can give less."
        hint={(max) => `You have ${exactAmount(max, reserve.decimals)}`}
        isMain
        onSubmit={(atoms) => start(() => stakePlan(scene, atoms))}
      />
      {stake !== undefined && now !== undefined && (
        <div class="why">
          <h3>
            Your stake {phase === 'free' && <Badge tone="good">can be taken</Badge>}
            {phase === 'missed' && <Badge tone="warn">window missed</Badge>}
            {phase === 'lost' && <Badge tone="bad">lost</Badge>}
          </h3>
          {phase === 'lost' && (
            <Notice tone="bad">
              A loss took all of the insurance, and this stake with it. A new stake begins anew.
            </Notice>
          )}
          <dl class="rows">
            <dt>Worth now</dt>
            <dd>{amount(worth)}</dd>
            {(phase === 'cooling' || phase === 'free' || phase === 'missed') && (
              <>
                <dt>Asked for</dt>
                <dd>{amount(stakeWorth(reserve, stake.askedFor))}</dd>
                <dt>
                  {phase === 'cooling'
                    ? 'Can be taken from'
                    : phase === 'free'
                      ? 'Can be taken until'
                      : 'Could be taken until'}
                </dt>
                <dd>{moment(phase === 'cooling' ? stake.freeFrom : stake.freeFrom + WINDOW)}</dd>
              </>
            )}
          </dl>
          {phase === 'cooling' && (
            <p class="fine">
              In {duration(stake.freeFrom - now)} it is free, for two days. Who misses them asks again.
            </p>
          )}
          {phase === 'missed' && (
            <Notice tone="warn">The two days to take it are over. Ask again, and wait out the cooldown again.</Notice>
          )}
          <div class="buttons">
            {phase === 'free' && (
              <Button kind="main" onClick={() => start(() => takePlan(scene, stake.askedFor === stake.shares))}>
                Take it
              </Button>
            )}
            {(phase === 'cooling' || phase === 'free' || phase === 'missed') && (
              <Button onClick={() => start(() => askPlan(scene, 0n))}>Stay</Button>
            )}
            {(phase === 'empty' || phase === 'lost') && (
              <Button onClick={() => start(() => closeStakePlan(scene))}>Close the stake</Button>
            )}
          </div>
          {(phase === 'staked' || phase === 'missed') && (
            <Sum
              label="Leave with"
              verb="Ask to leave"
              symbol={symbol}
              decimals={reserve.decimals}
              max={worth}
              over={`The stake is worth ${exactAmount(worth, reserve.decimals)} ${symbol}.`}
              hint={() => `Free in ${duration(reserve.config.insurance.cooldown)}`}
              onSubmit={(atoms) => start(() => askPlan(scene, sharesFor(reserve, held, atoms)))}
            />
          )}
        </div>
      )}
      <div aria-live="polite">{failure !== undefined && <Notice tone="bad">{failure}</Notice>}</div>
    </>
  );
}

/** A form of one amount. */
function Sum(props: {
  label: string;
  verb: string;
  symbol: string;
  decimals: number;
  max: bigint;
  /** What is said of more than the most. */
  over: string;
  hint: (max: bigint) => string;
  isMain?: boolean;
  onSubmit: (atoms: bigint) => void;
}) {
  const { label, verb, symbol, decimals, max, over, hint, isMain, onSubmit } = props;
  const [input, setInput] = useState<AmountInput>(NO_AMOUNT);
  const { atoms, error } = readAmount(input, decimals, max);
  const wrong = atoms !== undefined && atoms > max ? over : atoms === 0n ? 'There is nothing.' : undefined;
  const reason = error ?? wrong ?? (atoms === undefined ? 'Enter an amount' : undefined);
  return (
    <form
      class="fields"
      onSubmit={(event) => {
        event.preventDefault();
        if (atoms !== undefined && reason === undefined) {
          onSubmit(atoms);
        }
      }}
    >
      <AmountField
        label={label}
        symbol={symbol}
        decimals={decimals}
        input={input}
        onInput={setInput}
        max={max}
        maxLabel={`Max: all that there is to ${verb.toLowerCase()}`}
        error={wrong}
        hint={hint(max)}
      />
      <div class="buttons">
        <Button kind={isMain === true ? 'main' : 'plain'} type="submit" disabled={reason !== undefined} reason={reason}>
          {verb}
        </Button>
      </div>
    </form>
  );
}
