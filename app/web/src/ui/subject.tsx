// What a screen is about, in all states that it may be in: the market, or a margin account, which is the one that its address names or
// one of the connected wallet's own.

import type { MarginAccount, Market } from '@ballast/client';
import type { Address } from '@solana/kit';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { addressIn, useAccountAddresses, useAccounts, useMarginAccount, useMarket, useMarketEntry } from '../hooks.ts';
import { go, href } from '../route.ts';
import { TextField } from './fields.tsx';
import { Button, Notice, Skeleton } from './parts.tsx';
import { ConnectButton, useConnection } from './wallet.tsx';

export interface Subject {
  readonly market: Market;
  readonly account: MarginAccount;
}

/** What a screen shows of the market, and `waiting` until that is read. */
export function OfMarket(props: { waiting: ComponentChildren; children: (market: Market) => ComponentChildren }) {
  const market = useMarket();
  switch (market.state) {
    case 'loading':
      return <>{props.waiting}</>;
    case 'absent':
      return <Notice tone="bad">There is no account at the market’s address on this chain.</Notice>;
    case 'broken':
      return <Notice tone="bad">The market cannot be read: {market.words}.</Notice>;
    default:
      return <>{props.children(market.value)}</>;
  }
}

/** Any account by its address: everything is public. */
export function LookAt({ screen, label }: { screen: string; label: string }) {
  const [text, setText] = useState('');
  const [error, setError] = useState<string>();
  return (
    <form
      class="look"
      onSubmit={(event) => {
        event.preventDefault();
        if (addressIn(text.trim()) === undefined) {
          setError('That is no address: those are 32 bytes in base58.');
        } else {
          go(screen, [text.trim()]);
        }
      }}
    >
      <TextField
        label={label}
        value={text}
        placeholder="Address"
        error={error}
        onInput={(next) => {
          setText(next);
          setError(undefined);
        }}
      />
      <Button type="submit">Show</Button>
    </form>
  );
}

/** The account of a wallet that is looked at first; none where nobody is connected, or nothing is opened. */
export function useOwnAccount(): {
  readonly state: 'none' | 'loading' | 'absent' | 'ready';
  readonly address?: Address;
} {
  const connection = useConnection();
  const addresses = useAccountAddresses(connection?.address);
  const accounts = useAccounts(addresses);
  if (connection === undefined) {
    return { state: 'none' };
  }
  if (addresses.length === 0 || accounts.some((account) => account === undefined)) {
    return { state: 'loading' };
  }
  const address = addresses.find((_, nth) => accounts[nth]?.info !== undefined);
  return address === undefined ? { state: 'absent' } : { state: 'ready', address };
}

interface OfAccountProps {
  readonly lines?: number;
  readonly children: (subject: Subject) => ComponentChildren;
}

/** What a screen shows of the account that its address names, or of the connected wallet's own. */
export function OfAccount({ given, ...shown }: OfAccountProps & { given: string | undefined }) {
  const named = addressIn(given);
  const own = useOwnAccount();
  if (given !== undefined && named === undefined) {
    return <Notice tone="bad">{given} is no address: those are 32 bytes in base58.</Notice>;
  }
  if (given === undefined && own.state === 'none') {
    return (
      <section class="panel" aria-label="Whose account">
        <div class="panel-body form">
          <p class="fine">Connect a wallet to see this for its account, or look at any account by its address.</p>
          <div>
            <ConnectButton />
          </div>
        </div>
      </section>
    );
  }
  if (given === undefined && own.state === 'absent') {
    return (
      <Notice>
        This wallet has no account yet. <a href={href('act', ['deposit'])}>The first deposit opens it.</a>
      </Notice>
    );
  }
  return <AccountAt address={named ?? own.address} {...shown} />;
}

/** What a screen shows of the account at an address, in all states that it may be in; without an address it is awaited. */
export function AccountAt({
  address,
  lines = 10,
  children,
}: OfAccountProps & { readonly address: Address | undefined }) {
  const market = useMarket();
  const account = useMarginAccount(address);
  const entry = useMarketEntry();
  if (market.state === 'loading' || account.state === 'loading') {
    return (
      <div class="panel">
        <Skeleton lines={lines} height={40} />
      </div>
    );
  }
  if (market.state !== 'ready') {
    return <Notice tone="bad">The market cannot be read.</Notice>;
  }
  if (account.state === 'absent') {
    return <Notice>There is no account at {address}.</Notice>;
  }
  if (account.state === 'broken') {
    return (
      <Notice tone="bad">
        {address} is no margin account: {account.words}.
      </Notice>
    );
  }
  if (account.value.market !== entry.address) {
    return (
      <Notice tone="warn">
        This account is of another market: <code>{account.value.market}</code>.
      </Notice>
    );
  }
  return <>{children({ market: market.value, account: account.value })}</>;
}
