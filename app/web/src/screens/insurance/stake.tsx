// Staking in a reserve's insurance, and leaving it.

import { type Market, reserveAt } from '@ballast/client';
import type { Address } from '@solana/kit';
import { useState } from 'preact/hooks';
import { payable, RENT } from '../../actions/sol.ts';
import { askPlan, closeStakePlan, type StakeScene, stakePlan, takePlan } from '../../actions/stake.ts';
import { useApp } from '../../app.ts';
import { errorWords } from '../../errors.ts';
import { useHolding } from '../../holdings.ts';
import { useNow } from '../../hooks.ts';
import { phaseOf, sharesFor, stakeWorth, WINDOW } from '../../insurance.ts';
import type { OwnStake } from '../../insurance-hooks.ts';
import type { Names } from '../../names.ts';
import { duration, exactAmount, moment } from '../../number.ts';
import type { Plan } from '../../tx/plan.ts';
import { type AmountInput, AmountField, NO_AMOUNT, readAmount } from '../../ui/fields.tsx';
import { Badge, Button, Failure, Notice, Section, Skeleton } from '../../ui/parts.tsx';
import { Amount } from '../../ui/values.tsx';
import { ConnectButton } from '../../ui/wallet.tsx';

interface StakeProps {
  readonly market: Market;
  readonly index: number;
  readonly names: Names;
  readonly owner: Address | undefined;
  readonly own: OwnStake | undefined;
}

export function StakeForms({ market, index, names, owner, own }: StakeProps) {
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
      <Failure words={failure} />
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
