// The vaults that the host names, and one of them: what it is worth, where its money is, who waits, and how to come and go.

import type { Market, Vault } from '@ballast/client';
import type { Address } from '@solana/kit';
import { useMemo } from 'preact/hooks';
import { vaultTokens } from '../actions/vault.ts';
import { useApp } from '../app.ts';
import { ask } from '../ask.ts';
import { addressIn, useEngine, useMarket, useNow } from '../hooks.ts';
import { symbolOf } from '../names.ts';
import { bps } from '../number.ts';
import { href } from '../route.ts';
import { Badge, Figure, Figures, Notice, Screen, Section, Skeleton } from '../ui/parts.tsx';
import { AddressText, Amount } from '../ui/values.tsx';
import { useConnection } from '../ui/wallet.tsx';
import { useMine, useVault, useVaultMarkets } from '../vault-hooks.ts';
import { ratioOf, slotsOf } from '../vaults.ts';
import type { ScreenProps } from './index.ts';
import { VaultAct } from './vault/act.tsx';
import { ExitFee, VaultFigures } from './vault/figures.tsx';
import { MineInVault } from './vault/mine.tsx';
import { Money, Policy, Queue, Terms } from './vault/tables.tsx';

export default function VaultsScreen({ args }: ScreenProps) {
  const { config } = useApp();
  const [given, action] = args;
  const address = addressIn(given);
  const only = config.vaults.length === 1 ? config.vaults[0] : undefined;
  const shown = address ?? (given === undefined ? only : undefined);
  if (shown !== undefined) {
    return <One key={shown} address={shown} action={action} isOnly={only === shown} />;
  }
  return (
    <Screen title="Vaults" lede="Lend one token to several reserves at once, by a policy that the program carries out.">
      {given !== undefined && <Notice tone="bad">{given} is no address: those are 32 bytes in base58.</Notice>}
      {config.vaults.length === 0 && <Notice>The host of this page names no vault.</Notice>}
      {config.vaults.map((vault) => (
        <Card key={vault} address={vault} />
      ))}
    </Screen>
  );
}

/** A vault of a list. */
function Card({ address }: { address: Address }) {
  const { config } = useApp();
  const vault = useVault(address);
  const view = useView(vault.state === 'ready' ? vault.value : undefined);
  const title = vault.state === 'ready' ? `${symbolOf(config, vault.value.mint)} vault` : 'Vault';
  return (
    <Section title={title} aside={<a href={href('vaults', [address])}>Open</a>}>
      {vault.state === 'absent' && <p class="empty">There is no vault at {address} on this chain.</p>}
      {vault.state === 'broken' && (
        <p class="empty">
          The account at {address} is no vault: {vault.words}.
        </p>
      )}
      {(vault.state === 'loading' || (vault.state === 'ready' && view === undefined)) && (
        <Skeleton lines={2} height={42} />
      )}
      {vault.state === 'ready' && view !== undefined && <Head vault={vault.value} view={view} />}
    </Section>
  );
}

/** What the engine says of a vault now; none until all that it needs is there. */
function useView(vault: Vault | undefined) {
  const engine = useEngine();
  const now = useNow();
  const markets = useVaultMarkets(vault);
  return useMemo(() => {
    if (engine === undefined || now === undefined || vault === undefined || markets === undefined) {
      return undefined;
    }
    const state = { vault, markets, now };
    return ask(() => {
      const report = engine.vaultReport(state);
      return { engine, state, report, price: engine.sharePrice(state), slots: slotsOf(engine, state, report) };
    });
  }, [engine, now, vault, markets]);
}

type Answered = NonNullable<ReturnType<typeof useView>>;
export type View = NonNullable<Answered['value']>;

/** What one wants to know first. */
function Head({ vault, view }: { vault: Vault; view: Answered }) {
  const { config } = useApp();
  if (view.value === undefined) {
    return <p class="empty">{view.words}</p>;
  }
  const { report, price } = view.value;
  const [token] = vaultTokens(config, vault);
  const { symbol, decimals } = token;
  const coverage = ratioOf(report.coverageBps);
  const amount = (atoms: bigint, digits = 2) => (
    <Amount atoms={atoms} decimals={decimals} rounding="down" symbol={symbol} digits={digits} />
  );
  return (
    <Figures>
      <Figure
        label="A share, leaving"
        note={<>entering {<Amount atoms={price.entry} decimals={decimals} rounding="up" digits={6} />}</>}
      >
        <Amount atoms={price.exit} decimals={decimals} rounding="down" symbol={symbol} digits={6} />
      </Figure>
      <Figure label="Assets" note={<>{amount(report.idle, 0)} not lent</>}>
        {amount(report.exit, 0)}
      </Figure>
      <Figure
        label="Can leave now"
        note={report.queued === 0n ? 'nobody waits' : <>{amount(report.queued, 0)} waited for first</>}
      >
        {amount(report.takeable, 0)}
      </Figure>
      <Figure label="Coverage" note={<ExitFee view={view.value} />}>
        {coverage === undefined ? 'nothing to cover' : bps(coverage)}
      </Figure>
    </Figures>
  );
}

function One({ address, action, isOnly }: { address: Address; action: string | undefined; isOnly: boolean }) {
  const { config } = useApp();
  const vault = useVault(address);
  const market = useMarket();
  const title = vault.state === 'ready' ? `${symbolOf(config, vault.value.mint)} vault` : 'Vault';
  return (
    <Screen
      title={title}
      lede="Lends one token by a policy that the program carries out. Shares are tokens, and free to move."
      aside={
        <>
          {!isOnly && <a href={href('vaults')}>All vaults</a>}{' '}
          <AddressText address={address} label="address of the vault" />
        </>
      }
    >
      {vault.state === 'loading' && <Waiting />}
      {vault.state === 'absent' && <Notice tone="bad">There is no account at {address} on this chain.</Notice>}
      {vault.state === 'broken' && (
        <Notice tone="bad">
          The account at {address} is no vault that this page can read: {vault.words}.
        </Notice>
      )}
      {vault.state === 'ready' && market.state === 'ready' && (
        <Whole vault={vault.value} market={market.value} action={action} />
      )}
      {vault.state === 'ready' && market.state !== 'ready' && market.state !== 'loading' && (
        <Notice tone="bad">The market of this page cannot be read.</Notice>
      )}
      {vault.state === 'ready' && market.state === 'loading' && <Waiting />}
    </Screen>
  );
}

function Waiting() {
  return (
    <>
      <div class="panel">
        <Skeleton lines={2} height={43} />
      </div>
      <div class="panel">
        <Skeleton lines={10} height={44} />
      </div>
    </>
  );
}

function Whole({ vault, market, action }: { vault: Vault; market: Market; action: string | undefined }) {
  const { config } = useApp();
  const connection = useConnection();
  const view = useView(vault);
  const mine = useMine(vault, connection?.address);
  if (view === undefined) {
    return <Waiting />;
  }
  if (view.value === undefined) {
    return <Notice tone="bad">The engine cannot value this vault: {view.words}</Notice>;
  }
  const { state, report, slots } = view.value;
  const [token, share] = vaultTokens(config, vault);
  const shared = { view: view.value, token, share };
  const scene = mine && {
    ...{ config, market, vault, markets: state.markets, owner: mine.owner },
    ...{ tokens: mine.tokens, shares: mine.shares },
  };
  const unreadable = slots.filter(({ slot }) => ((report.unreadable >> slot) & 1) !== 0);
  return (
    <>
      {vault.config.launched === 0 && (
        <Notice tone="warn">This vault is not launched yet: its curator sets it up, and nobody can deposit.</Notice>
      )}
      {unreadable.length > 0 && (
        <Notice tone="bad">
          <strong>A market cannot be read</strong> (slot {unreadable.map(({ slot }) => slot).join(', ')}): it counts for
          nothing, nobody can enter, and the queue stands. Leaving works from the other markets.
        </Notice>
      )}
      <section class="panel" aria-label="The vault at a glance">
        <Head vault={vault} view={view} />
      </section>
      <div class="columns act">
        <div class="stacked">
          <VaultAct {...shared} action={action} mine={mine} scene={scene} isConnected={connection !== undefined} />
          <MineInVault {...shared} mine={mine} scene={scene} isConnected={connection !== undefined} />
        </div>
        <VaultFigures report={report} />
      </div>
      <Section title="Where the money is" aside="What the slots hold, and what of it could be taken now.">
        <Money {...shared} slots={slots} />
      </Section>
      <div class="columns">
        <Section
          title="Queue"
          aside={<Badge>{vault.queue.tickets.filter(({ shares }) => shares !== 0n).length} of 32 places</Badge>}
        >
          <Queue {...shared} request={mine?.request?.address} />
        </Section>
        <Section title="Terms" aside="Shares locked until a date earn more.">
          <Terms {...shared} />
        </Section>
      </div>
      <Section title="Policy" aside="What adds risk waits for the delay.">
        <Policy vault={vault} token={token} />
      </Section>
    </>
  );
}
