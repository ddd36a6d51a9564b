// A margin account: how healthy it is, what it holds, at which prices it is liquidated, what it may still do.

import { describeError, type Engine, type MarginAccount, type Market, type PositionAmount } from '@ballast/client';
import type { Address } from '@solana/kit';
import { useMemo, useState } from 'preact/hooks';
import { closePlan } from '../actions/lend.ts';
import { useApp } from '../app.ts';
import { ask } from '../ask.ts';
import { openReserves, priceOf, usdOf } from '../books.ts';
import { addressIn, useAccountAddresses, useAccounts, useEngine, useNow } from '../hooks.ts';
import { type Names, useNames } from '../names.ts';
import { moment, percent } from '../number.ts';
import { href } from '../route.ts';
import { useFreshMarket } from '../tx/preview.ts';
import { rightsWords } from '../tx/rights.ts';
import { HealthOf } from '../ui/health.tsx';
import { Badge, Button, type Column, Notice, Screen, Section, Skeleton, Table } from '../ui/parts.tsx';
import { AccountAt, LookAt } from '../ui/subject.tsx';
import { AddressText, Amount, Price, Usd } from '../ui/values.tsx';
import { ConnectButton, useConnection } from '../ui/wallet.tsx';
import type { ScreenProps } from './index.ts';

export default function AccountScreen({ args }: ScreenProps) {
  const given = args[0];
  const address = addressIn(given);
  const connection = useConnection();
  return (
    <Screen
      title="Account"
      lede="What it holds, and how far it is from liquidation."
      aside={<LookAt screen="account" label="Look at an account" />}
    >
      {given !== undefined && address === undefined && (
        <Notice tone="bad">{given} is no address: those are 32 bytes in base58.</Notice>
      )}
      {address !== undefined && <One address={address} owner={connection?.address} />}
      {given === undefined && connection === undefined && (
        <Section title="Yours">
          <div class="panel-body">
            <p class="fine">Connect a wallet to see its accounts, or look at any account by its address.</p>
            <div>
              <ConnectButton />
            </div>
          </div>
        </Section>
      )}
      {given === undefined && connection !== undefined && <Own owner={connection.address} />}
    </Screen>
  );
}

/** The accounts of an owner, one of them shown whole. */
function Own({ owner }: { owner: Address }) {
  const addresses = useAccountAddresses(owner);
  const accounts = useAccounts(addresses);
  const opened = addresses.filter((_, nth) => accounts[nth]?.info !== undefined);
  const [chosen, setChosen] = useState<Address>();
  if (addresses.length === 0 || accounts.some((account) => account === undefined)) {
    return (
      <div class="panel">
        <Skeleton lines={10} height={36} />
      </div>
    );
  }
  const [first] = opened;
  if (first === undefined) {
    return (
      <Section title="No account yet">
        <div class="panel-body">
          <p class="fine">The first deposit opens it.</p>
          <div>
            <a class="button main" href={href('act', ['deposit'])}>
              Deposit
            </a>
          </div>
        </div>
      </Section>
    );
  }
  const shown = chosen !== undefined && opened.includes(chosen) ? chosen : first;
  return (
    <>
      {opened.length > 1 && (
        <nav class="buttons" aria-label="Your accounts">
          {opened.map((address) => (
            <Button key={address} kind={address === shown ? 'main' : 'plain'} onClick={() => setChosen(address)}>
              Account {addresses.indexOf(address)}
            </Button>
          ))}
        </nav>
      )}
      <One address={shown} owner={owner} />
    </>
  );
}

function One({ address, owner }: { address: Address; owner: Address | undefined }) {
  return (
    <AccountAt address={address} lines={12}>
      {(subject) => <Shown {...subject} owner={owner} />}
    </AccountAt>
  );
}

const MODES = ['cross', 'isolated', 'for one perp'];

function Shown({ market, account, owner }: { market: Market; account: MarginAccount; owner: Address | undefined }) {
  const { flow } = useApp();
  const engine = useEngine();
  const now = useNow();
  const names = useNames(market);
  const isOwn = owner === account.owner;
  const fresh = useFreshMarket(market, account, openReserves(market), owner ?? account.owner, now);
  const read = useMemo(() => {
    if (engine === undefined || now === undefined) {
      return undefined;
    }
    const health = ask(() => engine.health(fresh, account, now));
    return { health, positions: ask(() => engine.positions(market, account, now)).value ?? [] };
  }, [engine, market, fresh, account, now]);
  const isEmpty = account.positionCount === 0 && account.extraCount === 0;
  const { maintenance } = read?.health.value ?? {};
  const isLiquidatable = maintenance !== undefined && maintenance.debt > maintenance.collateral;
  return (
    <>
      {isLiquidatable && (
        <Notice tone="bad">
          <strong>This account can be liquidated now.</strong> Repay, or deposit more collateral.
          {account.liquidatableSince !== 0n &&
            ` It has been marked since ${moment(account.liquidatableSince)}: the penalty grows with time.`}
        </Notice>
      )}
      {account.inReceivership !== 0 && <Notice tone="warn">A liquidation is going on in it.</Notice>}
      <div class="columns wide-start">
        <Section
          title="Health"
          aside={
            <>
              Account {account.id}, {MODES[account.mode] ?? 'of an unknown kind'}
            </>
          }
        >
          <div class="panel-body">
            {read === undefined ? <Skeleton lines={8} height={36} /> : <HealthOf health={read.health} />}
          </div>
        </Section>
        <Section title="Whose it is">
          <div class="panel-body">
            <dl class="rows">
              <dt>Address</dt>
              <dd>
                <AddressText address={account.address} label="address of the account" />
              </dd>
              <dt>Owner</dt>
              <dd>
                <AddressText address={account.owner} label="address of the owner" />{' '}
                {isOwn && <Badge tone="accent">you</Badge>}
              </dd>
              <dt>Delegate</dt>
              <dd>
                <Delegate account={account} now={now} />
              </dd>
            </dl>
            <div class="buttons">
              <a class="button" href={href('what-if', [account.address])}>
                What if
              </a>
              {isLiquidatable && (
                <a class="button" href={href('liquidations', [account.address])}>
                  Liquidation
                </a>
              )}
              {isOwn && (
                <a class="button" href={href('delegate', [account.address])}>
                  Delegate
                </a>
              )}
              {isOwn && isEmpty && (
                <Button onClick={() => flow.start(closePlan(market, account.owner, account))}>
                  Close this account
                </Button>
              )}
            </div>
          </div>
        </Section>
      </div>
      <Section title="Positions">
        {read === undefined || engine === undefined || now === undefined ? (
          <Skeleton lines={4} height={44} />
        ) : (
          <Positions {...{ engine, market, account, names, now, isOwn }} positions={read.positions} />
        )}
      </Section>
      {engine !== undefined && now !== undefined && (
        <Limits {...{ engine, market: fresh, account, names, now, isOwn }} />
      )}
    </>
  );
}

const NONE = '11111111111111111111111111111111';

function Delegate({ account, now }: { account: MarginAccount; now: bigint | undefined }) {
  const { delegate, delegateUntil, delegateRights } = account;
  if (delegate === NONE || (now !== undefined && now >= delegateUntil)) {
    return <>none</>;
  }
  return (
    <>
      <AddressText address={delegate} label="address of the delegate" />
      <span class="under">
        may {rightsWords(delegateRights)} until {moment(delegateUntil)}
      </span>
    </>
  );
}

interface Shared {
  readonly engine: Engine;
  readonly market: Market;
  readonly account: MarginAccount;
  readonly names: Names;
  readonly now: bigint;
  readonly isOwn: boolean;
}

function Positions({
  engine,
  market,
  account,
  names,
  now,
  isOwn,
  positions,
}: Shared & { positions: readonly PositionAmount[] }) {
  const columns: Column<PositionAmount>[] = [
    {
      head: 'Token',
      cell: ({ reserve, isDebt }) => (
        <span class="token">
          <a href={href('reserve', [reserve])}>{names.reserve(reserve)}</a>
          <Badge tone={isDebt ? 'warn' : 'plain'}>{isDebt ? 'debt' : 'deposit'}</Badge>
        </span>
      ),
    },
    {
      head: 'Amount',
      isNumber: true,
      cell: ({ reserve, isDebt, amount }) => (
        <Amount atoms={amount} decimals={names.decimals(reserve)} rounding={isDebt ? 'up' : 'down'} digits={6} />
      ),
    },
    {
      head: 'Value',
      isNumber: true,
      cell: ({ reserve, isDebt, amount }) => {
        const value = usdOf(market.reserves[reserve]!, amount);
        return value === undefined ? '–' : <Usd value={value} rounding={isDebt ? 'up' : 'down'} />;
      },
    },
    {
      head: 'Price',
      isNumber: true,
      cell: ({ reserve }) => {
        const last = priceOf(market.reserves[reserve]!);
        return last === undefined ? '–' : <Price value={last} />;
      },
    },
    {
      head: 'Liquidated at',
      isNumber: true,
      cell: ({ reserve }) => <LiquidatedAt {...{ engine, market, account, reserve, now }} />,
    },
    ...(isOwn
      ? [
          {
            head: 'Act',
            isNumber: true,
            cell: ({ reserve, isDebt }: PositionAmount) => (
              <span class="links">
                <a href={href('act', [isDebt ? 'repay' : 'withdraw', reserve], idOf(account))}>
                  {isDebt ? 'Repay' : 'Withdraw'}
                </a>
                <a href={href('act', [isDebt ? 'borrow' : 'deposit', reserve], idOf(account))}>
                  {isDebt ? 'Borrow' : 'Deposit'}
                </a>
              </span>
            ),
          },
        ]
      : []),
  ];
  return (
    <Table
      caption="Positions of this account"
      columns={columns}
      rows={positions}
      keyOf={({ reserve }) => reserve}
      empty="It holds nothing and owes nothing."
    />
  );
}

function idOf(account: MarginAccount): Record<string, string> {
  return account.id === 0 ? {} : { id: String(account.id) };
}

function LiquidatedAt({
  engine,
  market,
  account,
  reserve,
  now,
}: Omit<Shared, 'names' | 'isOwn'> & { reserve: number }) {
  const at = useMemo(
    () => ask(() => engine.liquidationPrice(market, account, reserve, now)).value,
    [engine, market, account, reserve, now],
  );
  const last = priceOf(market.reserves[reserve]!);
  if (at === undefined || last === undefined) {
    return <>at no price</>;
  }
  const distance = (Number(at.price) * 10 ** at.exponent) / (Number(last.price) * 10 ** last.exponent) - 1;
  return (
    <span class="stack">
      <Price value={at} />
      <span class="under">
        {distance > 0 ? '+' : ''}
        {distance > 99.99 ? `more than ${percent(99.99, 0)}` : percent(distance, 1)}{' '}
        {at.isDeposit ? 'or lower' : 'or higher'}
      </span>
    </span>
  );
}

/** The `side` of a deposit. */
const DEPOSIT = 1;

/** What may still be borrowed and withdrawn, and what refuses one atom more. */
function Limits({ engine, market, account, names, now, isOwn }: Shared) {
  const indices = openReserves(market);
  const deposits = account.positions.slice(0, account.positionCount).filter(({ side }) => side === DEPOSIT);
  const held = new Set(deposits.map(({ reserve }) => reserve));
  const rows = useMemo(
    () =>
      indices.map((index) => ({
        index,
        borrow: ask(() => engine.maxBorrow(market, account, index, now)),
        withdraw: held.has(index) ? ask(() => engine.maxWithdraw(market, account, index, now)) : undefined,
      })),
    [engine, market, account, now],
  );
  type Row = (typeof rows)[number];
  const limit = (answer: Row['borrow'] | undefined, index: number) => {
    if (answer === undefined) {
      return '–';
    }
    const found = answer.value ?? { atoms: 0n, refusal: answer.code };
    return (
      <span class="stack limit">
        <Amount atoms={found.atoms} decimals={names.decimals(index)} rounding="down" digits={4} />
        {found.refusal !== undefined && <span class="reason">{describeError(found.refusal)}</span>}
      </span>
    );
  };
  const columns: Column<Row>[] = [
    {
      head: 'Token',
      cell: ({ index }) => (
        <span class="token">
          {isOwn ? (
            <a href={href('act', ['borrow', index], idOf(account))}>{names.reserve(index)}</a>
          ) : (
            names.reserve(index)
          )}
        </span>
      ),
    },
    { head: 'May borrow', isNumber: true, cell: ({ borrow, index }) => limit(borrow, index) },
    { head: 'May withdraw', isNumber: true, cell: ({ withdraw, index }) => limit(withdraw, index) },
  ];
  return (
    <Section title="Limits" aside="One atom more is refused, with the reason below it.">
      <Table caption="What this account may still do" columns={columns} rows={rows} keyOf={({ index }) => index} />
    </Section>
  );
}
