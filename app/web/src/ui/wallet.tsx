// The button of the wallet, and the dialog to choose one.

import { useEffect, useState } from 'preact/hooks';
import { useApp } from '../app.ts';
import { useObservable } from '../cell.ts';
import { errorWords } from '../errors.ts';
import { brief } from '../names.ts';
import type { Connection, PageWallet } from '../wallet/wallets.ts';
import { Button, Dialog, Failure, Notice } from './parts.tsx';
import { AddressText } from './values.tsx';

/** Who is connected. */
export function useConnection(): Connection | undefined {
  return useObservable(useApp().wallets.connection);
}

export function WalletButton() {
  const connection = useConnection();
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button kind={connection === undefined ? 'main' : 'plain'} onClick={() => setOpen(true)}>
        {connection === undefined ? (
          'Connect'
        ) : (
          <>
            <span class="unseen">Wallet </span>
            <code>{brief(connection.address)}</code>
          </>
        )}
      </Button>
      {isOpen && <WalletDialog onClose={() => setOpen(false)} />}
    </>
  );
}

/** The same dialog from where a wallet is missing. */
export function ConnectButton() {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button kind="main" onClick={() => setOpen(true)}>
        Connect a wallet
      </Button>
      {isOpen && <WalletDialog onClose={() => setOpen(false)} />}
    </>
  );
}

function WalletDialog({ onClose }: { onClose: () => void }) {
  const { wallets } = useApp();
  const available = useObservable(wallets.available);
  const connection = useConnection();
  const [asked, setAsked] = useState<PageWallet>();
  const [failure, setFailure] = useState<string>();
  useEffect(() => setFailure(undefined), [connection]);
  const connect = async (wallet: PageWallet) => {
    setAsked(wallet);
    setFailure(undefined);
    try {
      await wallets.connect(wallet);
      onClose();
    } catch (error) {
      setFailure(errorWords(error));
    } finally {
      setAsked(undefined);
    }
  };
  return (
    <Dialog title={connection === undefined ? 'Connect a wallet' : 'Wallet'} onClose={onClose}>
      <div class="dialog-body">
        {connection !== undefined && <Connected connection={connection} onClose={onClose} />}
        {available.length === 0 ? (
          <Notice>
            No wallet was found. Install one that works with Solana, or open this page in the browser of a wallet’s app.
          </Notice>
        ) : (
          <ul class="wallets">
            {available.map((wallet) => (
              <li key={wallet.name}>
                <button
                  type="button"
                  disabled={wallet.unfit !== undefined || asked !== undefined || connection?.wallet === wallet}
                  onClick={() => connect(wallet)}
                >
                  {wallet.icon === undefined ? (
                    <span class="wallet-icon" />
                  ) : (
                    <img class="wallet-icon" src={wallet.icon} alt="" />
                  )}
                  <span>{wallet.name}</span>
                  <span class="wallet-note">
                    {wallet.unfit ??
                      (asked === wallet ? 'Answer in the wallet' : connection?.wallet === wallet ? 'Connected' : '')}
                  </span>
                </button>
              </li>
            ))}
          </ul>
        )}
        <Failure words={failure} />
        {available.some(({ isDevelopment }) => isDevelopment) && (
          <p class="fine">Development wallets are the keys of this local network. Everybody knows them.</p>
        )}
      </div>
    </Dialog>
  );
}

function Connected({ connection, onClose }: { connection: Connection; onClose: () => void }) {
  const { wallets } = useApp();
  const { wallet, address } = connection;
  const accounts = wallet.accounts();
  return (
    <div class="connected">
      <div>
        <strong>{wallet.name}</strong>
        {accounts.length > 1 ? (
          <select
            aria-label="Account"
            value={address}
            onChange={(event) => wallets.choose(event.currentTarget.value as typeof address)}
          >
            {accounts.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        ) : (
          <AddressText address={address} />
        )}
      </div>
      <Button
        onClick={() => {
          wallets.disconnect();
          onClose();
        }}
      >
        Disconnect
      </Button>
    </div>
  );
}
