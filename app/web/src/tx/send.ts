// Sends a signed transaction until it has landed or cannot any more. A blockhash lives for so many blocks, and then what names it is
// dead for good: so there are three endings, and no fourth.

import type { Rpc, SignatureStatus } from '../chain/rpc.ts';

/** How it ended. `unknown`: the node could not be asked when it was time to know. */
type Ending =
  | { readonly kind: 'landed'; readonly status: SignatureStatus }
  | { readonly kind: 'dead' }
  | { readonly kind: 'unknown'; readonly words: string };

interface Sending {
  readonly signature: string;
  /** Base64 to send, again and again; none if the wallet has sent it. */
  readonly transaction: string | undefined;
  readonly lastValidBlockHeight: bigint;
}

/** From look to look, milliseconds, and from one sending to the next. */
const LOOK = 1_000;
const RESEND = 2_000;
/** For how long the node may be silent, once the transaction's time is over. */
const PATIENCE = 30_000;

const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** `onHeight` is told the chain's block height at each look. */
export async function land(
  rpc: Rpc,
  { signature, transaction, lastValidBlockHeight }: Sending,
  onHeight: (height: bigint) => void,
): Promise<Ending> {
  let sent = -Infinity;
  let silentSince: number | undefined;
  let wasOver = false;
  for (;;) {
    try {
      if (transaction !== undefined && !wasOver && performance.now() - sent > RESEND) {
        sent = performance.now();
        // Whether the node takes it shows by whether it lands.
        rpc.send(transaction).catch(() => undefined);
      }
      // The height comes first: what had not landed at a height above the last valid one never will.
      const height = await rpc.blockHeight();
      onHeight(height);
      const isOver = height > lastValidBlockHeight;
      const status = await rpc.signatureStatus(signature, isOver);
      if (status !== undefined && status.confirmationStatus !== 'processed') {
        return { kind: 'landed', status };
      }
      if (isOver && wasOver && status === undefined) {
        return { kind: 'dead' };
      }
      wasOver = isOver;
      silentSince = undefined;
    } catch (error) {
      silentSince ??= performance.now();
      if (performance.now() - silentSince > PATIENCE) {
        return { kind: 'unknown', words: error instanceof Error ? error.message : String(error) };
      }
    }
    await sleep(LOOK);
  }
}
