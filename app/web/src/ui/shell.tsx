// What surrounds every screen: navigation, market, wallet, theme, banners, and the dialog of whatever is being signed.

import type { ComponentChildren, FunctionComponent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useApp } from '../app.ts';
import { useObservable } from '../cell.ts';
import { useLiveness, useMarketEntry, useRoute } from '../hooks.ts';
import { go, href } from '../route.ts';
import { SCREENS, type ScreenComponent } from '../screens/index.ts';
import { Banners } from './banners.tsx';
import { Boundary } from './boundary.tsx';
import { Notice, Screen, Skeleton } from './parts.tsx';
import { WalletButton } from './wallet.tsx';

export function Shell() {
  const { screen, args } = useRoute();
  const main = useRef<HTMLElement>(null);
  const name = screen === '' ? SCREENS[0]!.name : screen;
  return (
    <>
      {/* No link: the part behind # is the route's. */}
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <header class="top">
        <div class="top-row">
          <a class="brand" href={href('market')}>
            <svg viewBox="0 0 32 32" aria-hidden="true">
              <rect width="32" height="32" rx="7" />
              <path d="M6 13h20l-3.2 9.2a3 3 0 0 1-2.8 2H12a3 3 0 0 1-2.8-2z" />
              <path class="mast" d="M16 5v6" />
            </svg>
            Ballast
          </a>
          <Navigation current={name} />
          <div class="top-end">
            <Network />
            <ThemeButton />
            <WalletButton />
          </div>
        </div>
      </header>
      <Banners />
      <main id="main" ref={main} tabIndex={-1}>
        <Boundary key={name}>
          <Current name={name} args={args} />
        </Boundary>
      </main>
      <FlowHost />
    </>
  );
}

function Navigation({ current }: { current: string }) {
  const shown = SCREENS.filter(({ nav }) => nav !== undefined);
  const more = shown.filter(({ isMore }) => isMore);
  const links = (entries: typeof shown) =>
    entries.map(({ name, nav }) => (
      <a key={name} href={href(name)} aria-current={name === current ? 'page' : undefined}>
        {nav}
      </a>
    ));
  return (
    <nav class="nav" aria-label="Screens">
      {links(shown.filter(({ isMore }) => !isMore))}
      <More key={current} isCurrent={more.some(({ name }) => name === current)}>
        {links(more)}
      </More>
    </nav>
  );
}

/** The rest of the navigation. It closes when the focus leaves it, and when another screen is shown. */
function More({ isCurrent, children }: { isCurrent: boolean; children: ComponentChildren }) {
  const details = useRef<HTMLDetailsElement>(null);
  const close = () => {
    if (details.current !== null) details.current.open = false;
  };
  return (
    <details
      ref={details}
      class={isCurrent ? 'more current' : 'more'}
      onFocusOut={({ relatedTarget }) => {
        if (!(relatedTarget instanceof Node) || !details.current?.contains(relatedTarget)) close();
      }}
      onKeyDown={({ key }) => {
        if (key === 'Escape') {
          close();
          details.current?.querySelector('summary')?.focus();
        }
      }}
    >
      <summary>More</summary>
      <div class="menu">{children}</div>
    </details>
  );
}

/** The host's name for its chain, whether its numbers are of now, and the market where there are several. */
function Network() {
  const { config } = useApp();
  const { state } = useLiveness();
  const entry = useMarketEntry();
  const { screen } = useRoute();
  const words = { connecting: 'connecting', live: 'live', stale: 'old numbers' }[state];
  return (
    <div class="network">
      <span class={`dot ${state}`} aria-hidden="true" />
      <span class="network-name">
        {config.name}
        <span class="unseen">: {words}</span>
      </span>
      {config.markets.length > 1 && (
        <select
          aria-label="Market"
          value={entry.address}
          onChange={(event) => go(screen || 'market', [], { market: event.currentTarget.value })}
        >
          {config.markets.map(({ address, name }) => (
            <option key={address} value={address}>
              {name}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}

const THEMES = ['system', 'light', 'dark'] as const;
const THEME = 'ballast:theme';

function ThemeButton() {
  const [theme, setTheme] = useState(() => {
    try {
      return THEMES.find((one) => one === localStorage.getItem(THEME)) ?? 'system';
    } catch {
      return 'system';
    }
  });
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem(THEME, theme);
    } catch {
      // Storage may be forbidden: the theme is the system's at the next visit.
    }
  }, [theme]);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!;
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={`Theme: ${theme}. Change to ${next}`}
      title={`Theme: ${theme}`}
      onClick={() => setTheme(next)}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="8" cy="8" r="5.5" />
        {theme !== 'light' && (
          <path
            class="fill"
            d={
              theme === 'dark' ? 'M8 2.5a5.5 5.5 0 0 1 0 11z M8 2.5a5.5 5.5 0 0 0 0 11z' : 'M8 2.5a5.5 5.5 0 0 1 0 11z'
            }
          />
        )}
      </svg>
    </button>
  );
}

/** The screen of a name, loaded when it is first shown. */
function Current({ name, args }: { name: string; args: readonly string[] }) {
  const entry = SCREENS.find((one) => one.name === name);
  const [loaded, setLoaded] = useState<{ name: string; component?: ScreenComponent; failure?: string }>();
  const load = entry?.load;
  useEffect(() => {
    if (load === undefined) {
      return;
    }
    let isWanted = true;
    load()
      .then((module) => isWanted && setLoaded({ name, component: module.default }))
      .catch(
        () =>
          isWanted && setLoaded({ name, failure: 'This part of the page could not be loaded. Load the page again.' }),
      );
    return () => {
      isWanted = false;
    };
  }, [name, load]);
  if (entry === undefined) {
    return (
      <Screen title="No such page">
        <Notice>
          There is nothing at this address. <a href={href('market')}>Go to the market</a>.
        </Notice>
      </Screen>
    );
  }
  const Component = entry.component ?? (loaded?.name === name ? loaded.component : undefined);
  if (loaded?.name === name && loaded.failure !== undefined) {
    return <Notice tone="bad">{loaded.failure}</Notice>;
  }
  return Component === undefined ? <Skeleton lines={12} height={32} /> : <Component args={args} />;
}

/** The dialog of the flow, loaded when there first is one. */
function FlowHost() {
  const { flow } = useApp();
  const state = useObservable(flow.state);
  const [Loaded, setLoaded] = useState<FunctionComponent>();
  const isNeeded = state !== undefined;
  useEffect(() => {
    if (isNeeded) {
      import('../tx/dialog.tsx').then((module) => setLoaded(() => module.FlowDialog));
    }
  }, [isNeeded]);
  return state !== undefined && Loaded !== undefined ? <Loaded /> : null;
}
