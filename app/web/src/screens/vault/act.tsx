// Coming to a vault and leaving it: one form for each way, with what the engine says it would do.

import { useState } from 'preact/hooks';
import * as plans from '../../actions/vault.ts';
import { payable, RENT } from '../../actions/sol.ts';
import { useApp } from '../../app.ts';
import { type Answer, ask } from '../../ask.ts';
import { errorWords } from '../../errors.ts';
import { bps, duration, exactAmount, moment } from '../../number.ts';
import { href } from '../../route.ts';
import type { Plan, PlanToken } from '../../tx/plan.ts';
import { type AmountInput, AmountField, NO_AMOUNT, readAmount, SelectField } from '../../ui/fields.tsx';
import { FormEnd } from '../../ui/form.tsx';
import { Notice } from '../../ui/parts.tsx';
import { fewest, lesser, most, readTolerance } from '../../tolerance.ts';
import { ToleranceField } from '../../ui/tolerance.tsx';
import type { Mine } from '../../vault-hooks.ts';
import { bestPayers, maturitiesOf, payers, worthOf } from '../../vaults.ts';
import type { Shared } from './tables.tsx';

const WAYS = ['deposit', 'withdraw', 'redeem', 'queue', 'lock'] as const;
type Way = (typeof WAYS)[number];

const NAMES: Readonly<Record<Way, string>> = {
  deposit: 'Deposit',
  withdraw: 'Withdraw',
  redeem: 'Redeem',
  queue: 'Queue',
  lock: 'Lock',
};

const SAYS: Readonly<Record<Way, string>> = {
  deposit: 'Tokens in, shares out.',
  withdraw: 'Exactly so many tokens, for the shares that it takes.',
  redeem: 'Exactly so many shares, for the tokens that they bring.',
  queue: 'Shares that wait for liquidity, and are paid in turn at the price of then.',
  lock: 'Shares until a date, which earn more.',
};

/** How much worse a price may be by default, percent: that of now, and that of a turn to come. */
const TOLERANCE: Readonly<Record<Way, string>> = {
  deposit: '0.1',
  withdraw: '0.1',
  redeem: '0.1',
  queue: '1',
  lock: '',
};

interface ActProps extends Shared {
  readonly action: string | undefined;
  readonly mine: Mine | undefined;
  readonly scene: plans.VaultScene | undefined;
  readonly isConnected: boolean;
}

export function VaultAct(props: ActProps) {
  const way = WAYS.find((one) => one === props.action) ?? 'deposit';
  const { vault } = props.view.state;
  return (
    <section class="panel" aria-label="Come and go">
      <div class="panel-body form">
        <nav class="tabs" aria-label="Way">
          {WAYS.map((one) => (
            <a key={one} href={href('vaults', [vault.address, one])} aria-current={one === way ? 'page' : undefined}>
              {NAMES[one]}
            </a>
          ))}
        </nav>
        <p class="fine">{SAYS[way]}</p>
        <Form key={way} {...props} way={way} />
      </div>
    </section>
  );
}

/** What a form would do, by the engine. */
interface Preview {
  /** The rows that say so. */
  readonly rows: readonly (readonly [name: string, value: string])[];
  readonly plan: (scene: plans.VaultScene) => Plan | Promise<Plan>;
}

function Form({ view, token, share, way, mine, scene, isConnected }: ActProps & { way: Way }) {
  const { flow } = useApp();
  const { engine, state, slots, report } = view;
  const { vault } = state;
  const now = BigInt(state.now);
  const [input, setInput] = useState<AmountInput>(NO_AMOUNT);
  const [tolerance, setTolerance] = useState(TOLERANCE[way]);
  const maturities = maturitiesOf(vault, now);
  const [end, setEnd] = useState<string>();
  const [failure, setFailure] = useState<string>();
  const maturity = maturities.find((one) => String(one) === end) ?? maturities[0];

  const inTokens = way === 'deposit' || way === 'withdraw';
  const unit = inTokens ? token : share;
  const held = mine?.shares.tokens ?? 0n;
  const purse = mine && payable(vault, mine.tokens, mine.shares.tokens === undefined ? RENT.tokenAccount : 0n);
  const room = way === 'deposit' ? engine.maxVaultDeposit(state) : undefined;
  const from = bestPayers(slots, state);
  const max = mine && maxOf();
  const { atoms, error } = readAmount(input, unit.decimals, max);
  const { bps: bound, error: badTolerance } = way === 'lock' ? { bps: 0n } : readTolerance(tolerance);
  const preview = atoms === undefined || bound === undefined ? undefined : previewOf(atoms, bound);
  const wrong = error ?? tooMuch() ?? preview?.words;
  const reason = wrong ?? badTolerance ?? (mine === undefined ? 'Your accounts are still being read' : undefined);

  function maxOf(): bigint {
    switch (way) {
      case 'deposit':
        return lesser(purse!, room!);
      case 'withdraw':
        return engine.maxVaultWithdraw(state, held, from);
      case 'redeem':
        return engine.maxVaultRedeem(state, held, from);
      default:
        return held;
    }
  }

  function tooMuch(): string | undefined {
    if (atoms === undefined || max === undefined || atoms <= max) {
      return undefined;
    }
    if (way === 'deposit') {
      return purse! <= room!
        ? `Your wallet can give ${text(token, purse!)} at most.`
        : `The vault takes ${text(token, room!)} more at most.`;
    }
    return way === 'queue' || way === 'lock' || max === held
      ? `You hold ${text(share, held)}.`
      : `${text(unit, max)} can leave at once at most. The rest can wait in the queue.`;
  }

  function previewOf(amount: bigint, part: bigint): Answer<Preview> {
    switch (way) {
      case 'deposit':
        return then(
          ask(() => engine.previewVaultDeposit(state, amount)),
          ({ shares }) => {
            const least = fewest(shares, part);
            return {
              rows: [
                ['You get', text(share, shares)],
                ['At least', text(share, least)],
              ],
              plan: (scene) => plans.depositPlan(scene, amount, least),
            };
          },
        );
      case 'withdraw': {
        const { from: paying, answer } = payers(slots, state, (some) =>
          engine.previewVaultWithdraw(state, amount, some),
        );
        return then(answer, ({ shares, fee }) => {
          // Nobody gives more than there are.
          const largest = lesser(most(shares, part), held);
          return {
            rows: [
              ['You give', text(share, shares)],
              ['At most', text(share, largest)],
              ['Exit fee in it', feeText(fee, amount + fee)],
            ],
            plan: (scene) => plans.withdrawPlan(scene, amount, largest, paying),
          };
        });
      }
      case 'redeem': {
        const { from: paying, answer } = payers(slots, state, (some) => engine.previewVaultRedeem(state, amount, some));
        return then(answer, ({ amount: tokens, fee }) => {
          const least = fewest(tokens, part);
          return {
            rows: [
              ['You get', text(token, tokens)],
              ['At least', text(token, least)],
              ['Exit fee', feeText(fee, tokens + fee)],
            ],
            plan: (scene) => plans.redeemPlan(scene, amount, least, paying),
          };
        });
      }
      case 'queue': {
        const worth = worthOf(report, amount);
        const least = fewest(worth, part);
        return {
          value: {
            rows: [
              ['Worth now', text(token, worth)],
              ['Paid with at least', text(token, least)],
              ['Before you wait', text(token, report.queued)],
            ],
            plan: (scene) => plans.requestPlan(scene, amount, least),
          },
        };
      }
      case 'lock': {
        const id = mine?.freeTerm;
        if (maturity === undefined) {
          return { words: 'This vault offers no terms.', code: undefined };
        }
        if (id === undefined) {
          return { words: 'You have eight terms, the most that this page handles. End one first.', code: undefined };
        }
        return {
          value: {
            rows: [
              ['Locked until', moment(maturity)],
              ['That is in', duration(maturity - now)],
            ],
            plan: (scene) => plans.lockPlan(scene, id, amount, maturity),
          },
        };
      }
    }
  }

  function feeText(fee: bigint, whole: bigint): string {
    return fee === 0n ? 'none' : `${text(token, fee)}, ${bps((fee * 10_000n) / whole)}`;
  }

  const submit = async () => {
    if (preview?.value === undefined || scene === undefined || reason !== undefined) {
      setFailure(reason ?? 'Enter an amount.');
      return;
    }
    try {
      flow.start(await preview.value.plan(scene));
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
      {way === 'lock' && maturity !== undefined && (
        <SelectField
          label="Until"
          value={String(maturity)}
          options={maturities.map((one) => ({
            value: String(one),
            label: `${moment(one).slice(0, 10)}, in ${duration(one - now)}`,
          }))}
          onChange={setEnd}
        />
      )}
      <AmountField
        label={inTokens ? 'Amount' : 'Shares'}
        symbol={inTokens ? token.symbol : 'shares'}
        decimals={unit.decimals}
        input={input}
        onInput={(next) => {
          setInput(next);
          setFailure(undefined);
        }}
        max={max}
        maxLabel="Max: the most that is possible now"
        error={error === undefined ? wrong : undefined}
        hint={max !== undefined && <>At most {exactAmount(max, unit.decimals)}</>}
      />
      {way !== 'lock' && (
        <ToleranceField
          value={tolerance}
          onInput={setTolerance}
          hint={
            way === 'queue'
              ? 'If your turn comes at a price that is worse by more, the request leaves the queue unpaid.'
              : 'If the price is worse by more when it lands, it fails.'
          }
        />
      )}
      {preview?.value !== undefined && wrong === undefined && (
        <dl class="rows" aria-label="What it does">
          {preview.value.rows.map(([name, value]) => [
            <dt key={name}>{name}</dt>,
            <dd key={`${name} value`}>{value}</dd>,
          ])}
        </dl>
      )}
      <FormEnd isConnected={isConnected} refusal={reason} failure={failure} />
      {way === 'deposit' && room === 0n && (
        <Refused answer={ask(() => engine.previewVaultDeposit(state, vault.config.minAmount))} />
      )}
      {(way === 'withdraw' || way === 'redeem') && held > 0n && max === 0n && (
        <Notice>
          Nothing of yours can leave at once: {text(token, report.takeable)} are liquid, and{' '}
          {text(token, report.queued)} are waited for.{' '}
          <a href={href('vaults', [vault.address, 'queue'])}>Wait in the queue</a>.
        </Notice>
      )}
    </form>
  );
}

function text({ decimals, symbol }: PlanToken, atoms: bigint): string {
  return `${exactAmount(atoms, decimals)} ${symbol}`;
}

function then<T, U>(answer: Answer<T>, make: (value: T) => U): Answer<U> {
  return answer.value === undefined ? { words: answer.words!, code: answer.code } : { value: make(answer.value) };
}

/** Why nothing can come in. */
function Refused({ answer }: { answer: Answer<unknown> }) {
  return <Notice tone="warn">Nobody can deposit now: {answer.words ?? 'the deposit cap is reached.'}</Notice>;
}
