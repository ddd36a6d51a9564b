// The one way from a plan to a landed transaction: review, sign, compare, send, ending. There is one at a time, and none begins
// while an earlier transaction can still land.

import type { Engine } from '@ballast/client';
import { getBase58Decoder } from '@solana/kit';
import { toBase64 } from '../bytes.ts';
import { Cell } from '../cell.ts';
import type { Accounts } from '../chain/accounts.ts';
import type { Identity } from '../chain/identity.ts';
import type { Rpc } from '../chain/rpc.ts';
import type { Config } from '../config.ts';
import { errorWords, failureWords } from '../errors.ts';
import type { Connection, Wallets } from '../wallet/wallets.ts';
import type { Plan } from './plan.ts';
import type { Review } from './review.ts';

/** How a flow ends. */
export type EndingKind =
  /** The transaction has landed, and did what it said. */
  | 'landed'
  /** It has landed, and failed: it cost the fee, and changed nothing else. */
  | 'failed'
  /** It has not landed, and cannot any more. */
  | 'dead'
  /** Nobody could be asked whether it has landed. */
  | 'unknown'
  /** The wallet said no. */
  | 'rejected'
  /** The wallet signed something else: it was not sent, or, where the wallet sends itself, it has landed. */
  | 'altered'
  /** Nothing was signed. */
  | 'refused';

interface Begun {
  readonly plan: Plan;
}

interface Reviewed extends Begun {
  readonly review: Review;
}

export type FlowState =
  | ({ readonly step: 'preparing' } & Begun)
  | ({ readonly step: 'review'; readonly notice?: string | undefined } & Reviewed)
  | ({ readonly step: 'signing'; readonly left: Left | undefined } & Reviewed)
  | ({ readonly step: 'sending'; readonly left: Left | undefined; readonly signature: string } & Reviewed)
  | ({
      readonly step: 'ended';
      readonly kind: EndingKind;
      readonly words: string;
      readonly signature: string | undefined;
      readonly additions: readonly string[];
      /** Whether there are more of the plan's transactions to come. */
      readonly hasNext: boolean;
      readonly review: Review | undefined;
    } & Begun);

/** What is left of a transaction's time. */
export interface Left {
  readonly blocks: number;
  readonly seconds: number;
}

interface Parts {
  readonly config: Config;
  readonly rpc: Rpc;
  readonly accounts: Accounts;
  readonly identity: Cell<Identity>;
  readonly engine: Cell<Engine | undefined>;
  readonly wallets: Wallets;
}

/** Milliseconds of a block until some were seen. */
const BLOCK_MS = 400;
const COUNT = 1_000;

export class Flow {
  /** None: nothing is going on. */
  readonly state = new Cell<FlowState | undefined>(undefined);
  readonly #parts: Parts;
  /** Counts what was begun: an answer to something that was given up is not for what came after it. */
  #turn = 0;
  /** Whether something that may land is out. */
  #isOut = false;
  #heights: { readonly height: bigint; readonly at: number }[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
    parts.wallets.connection.subscribe(() => this.#accountChanged());
  }

  /** Why nothing can be signed now, in words. */
  obstacle(): string | undefined {
    if (window.top !== window.self) {
      return 'This page is shown inside another one, and signs nothing there. Open it in a window of its own.';
    }
    const identity = this.#parts.identity.get();
    if (identity.state === 'wrong' || identity.state === 'unknown') {
      return `${identity.words} Nothing is signed.`;
    }
    return undefined;
  }

  /** Begins with a plan. */
  async start(plan: Plan, step = 0): Promise<void> {
    if (this.#isOut) {
      return;
    }
    this.#turn += 1;
    const turn = this.#turn;
    this.state.set({ step: 'preparing', plan });
    try {
      await settled(this.#parts.identity);
      const connection = this.#signerOf(plan);
      const { version } = connection.wallet.signer(connection.address);
      // Nobody needs the words and layouts of transactions before.
      const { reviewPlan } = await import('./review.ts');
      const { config, rpc, engine } = this.#parts;
      const review = await reviewPlan({ config, rpc, engine: engine.get() }, plan, version, step);
      if (turn === this.#turn) {
        this.state.set({ step: 'review', plan, review });
      }
    } catch (error) {
      if (turn === this.#turn) {
        this.#end(plan, undefined, 'refused', errorWords(error));
      }
    }
  }

  /** Whether what was begun can be left: a transaction that is out goes on. */
  get canClose(): boolean {
    return !this.#isOut;
  }

  /** Leaves it. What a wallet answers afterwards is thrown away. */
  close(): void {
    if (this.canClose) {
      this.#turn += 1;
      this.state.set(undefined);
    }
  }

  /** Begins again: with the same transaction of the plan, or the next one. */
  again(): void {
    const state = this.state.get();
    if (state?.step === 'ended') {
      const step = state.review?.step ?? 0;
      this.start(state.plan, state.kind === 'landed' && state.hasNext ? step + 1 : step);
    }
  }

  /** Has the wallet sign what was reviewed, and sees it through. */
  async sign(): Promise<void> {
    const state = this.state.get();
    if (state?.step !== 'review') {
      return;
    }
    const { plan, review } = state;
    this.#turn += 1;
    const turn = this.#turn;
    const isWanted = () => turn === this.#turn;
    this.#heights = [];
    this.state.set({ step: 'signing', plan, review, left: undefined });
    let countdown: ReturnType<typeof setInterval> | undefined;
    try {
      const { address, wallet } = this.#signerOf(plan);
      const signer = wallet.signer(address);
      const { rpc } = this.#parts;
      // At the click: each second before it would be one less to land in.
      const { blockhash, lastValidBlockHeight } = await rpc.latestBlockhash();
      const { compareMessages, compareSigned, readTransaction, unsigned, withBlockhash } = await import('./signing.ts');
      const message = withBlockhash(review, plan.owner, blockhash);
      const transaction = unsigned(message);
      if (!isWanted()) {
        return;
      }
      const count = async () => {
        const height = await rpc.blockHeight().catch(() => undefined);
        if (height !== undefined && isWanted() && this.state.get()?.step === 'signing') {
          this.state.set({ step: 'signing', plan, review, left: this.#left(lastValidBlockHeight, height) });
        }
      };
      count();
      countdown = setInterval(count, 2 * COUNT);

      if (signer.sign !== undefined) {
        const signed = await signer.sign(transaction);
        clearInterval(countdown);
        if (!isWanted()) {
          return;
        }
        const comparison = compareSigned(message, signed, plan.owner);
        if (!comparison.isSame) {
          const words = `The wallet signed another transaction than the one that was reviewed. It was not sent. ${comparison.words}`;
          this.#end(plan, review, 'altered', words);
          return;
        }
        if ((await rpc.blockHeight()) > lastValidBlockHeight) {
          const words = 'The wallet answered too late. The transaction was not sent, and cannot land any more.';
          this.#end(plan, review, 'dead', words);
          return;
        }
        if (!isWanted()) {
          return;
        }
        const signature = getBase58Decoder().decode(readTransaction(signed).signatures.get(plan.owner)!);
        const sending = { signature, transaction: toBase64(signed), lastValidBlockHeight };
        await this.#follow(plan, review, sending, comparison.additions);
        return;
      }

      // The wallet sends it itself: from now on it may land, whatever the page does.
      this.#isOut = true;
      const bytes = await signer.signAndSend!(transaction);
      clearInterval(countdown);
      const signature = getBase58Decoder().decode(bytes);
      await this.#follow(plan, review, { signature, transaction: undefined, lastValidBlockHeight }, []);
      const state = this.state.get();
      if (state?.step === 'ended' && (state.kind === 'landed' || state.kind === 'failed')) {
        const landed = await rpc.transaction(signature);
        const comparison = landed && compareMessages(message, readTransaction(landed.bytes).message);
        if (comparison?.isSame === false) {
          const words = `The wallet signed and sent another transaction than the one that was reviewed, and it has landed. ${comparison.words}`;
          this.#end(plan, review, 'altered', words, signature);
        } else if (comparison !== undefined) {
          this.state.set({ ...state, additions: comparison.additions });
        }
      }
    } catch (error) {
      this.#isOut = false;
      if (isWanted()) {
        this.#end(plan, review, isRejection(error) ? 'rejected' : 'refused', rejectionWords(error));
      }
    } finally {
      clearInterval(countdown);
    }
  }

  async #follow(
    plan: Plan,
    review: Review,
    sending: { signature: string; transaction: string | undefined; lastValidBlockHeight: bigint },
    additions: readonly string[],
  ): Promise<void> {
    const { rpc, accounts } = this.#parts;
    const { signature, lastValidBlockHeight } = sending;
    const show = (left: Left | undefined) => this.state.set({ step: 'sending', plan, review, left, signature });
    this.#isOut = true;
    show(undefined);
    const { land } = await import('./send.ts');
    const ending = await land(rpc, sending, (height) => show(this.#left(lastValidBlockHeight, height)));
    this.#isOut = false;
    // What it changed comes by the socket too; this is for when that is silent.
    accounts.refresh();
    switch (ending.kind) {
      case 'landed':
        if (ending.status.err === null || ending.status.err === undefined) {
          this.#end(plan, review, 'landed', 'The transaction has landed.', signature, additions);
        } else {
          const logs = (await rpc.transaction(signature).catch(() => undefined))?.logs;
          const reason = failureWords(ending.status.err, { instructions: review.instructions, logs });
          const words = `The transaction has landed and failed: it cost the fee and changed nothing else. ${reason}`;
          this.#end(plan, review, 'failed', words, signature, additions);
        }
        break;
      case 'dead': {
        const words = 'The transaction has not landed, and cannot any more: its time is over. Nothing has changed.';
        this.#end(plan, review, 'dead', words, signature, additions);
        break;
      }
      case 'unknown': {
        const words = `Whether the transaction has landed is unknown: ${ending.words}. Look for its signature before you do the same again.`;
        this.#end(plan, review, 'unknown', words, signature, additions);
      }
    }
  }

  #end(
    plan: Plan,
    review: Review | undefined,
    kind: EndingKind,
    words: string,
    signature?: string,
    additions: readonly string[] = [],
  ): void {
    const hasNext = review !== undefined && review.step + 1 < review.steps;
    this.state.set({ step: 'ended', plan, review, kind, words, signature, additions, hasNext });
  }

  /** The connection, if it is of the plan's owner and may sign. */
  #signerOf(plan: Plan): Connection {
    const obstacle = this.obstacle();
    if (obstacle !== undefined) {
      throw new Error(obstacle);
    }
    const connection = this.#parts.wallets.connection.get();
    if (connection === undefined) {
      throw new Error('No wallet is connected.');
    }
    if (connection.address !== plan.owner) {
      throw new Error(`This is for ${plan.owner}, and the wallet is at ${connection.address}.`);
    }
    return connection;
  }

  /** Who is connected has changed: what was reviewed was another's. */
  #accountChanged(): void {
    const state = this.state.get();
    if (state === undefined || state.step === 'ended' || this.#isOut) {
      return;
    }
    const connection = this.#parts.wallets.connection.get();
    if (connection?.address !== state.plan.owner) {
      this.#turn += 1;
      const words =
        'The wallet has changed its account. Nothing was sent: begin again with the account that is connected.';
      this.#end(state.plan, undefined, 'refused', words);
    }
  }

  #left(last: bigint, height: bigint): Left {
    this.#heights.push({ height, at: performance.now() });
    const [first] = this.#heights;
    const blocks = Number(last - height < 0n ? 0n : last - height);
    const seen = Number(height - first!.height);
    const ms = seen > 4 ? (performance.now() - first!.at) / seen : BLOCK_MS;
    return { blocks, seconds: Math.round((blocks * ms) / 1_000) };
  }
}

/** Waits until chain and program have been checked. */
function settled(identity: Cell<Identity>): Promise<void> {
  return new Promise((done) => {
    const look = () => {
      if (identity.get().state !== 'checking') {
        end();
        done();
      }
    };
    const end = identity.subscribe(look);
    look();
  });
}

/** Wallets say no in their own words, most with the code of the first one of them all. */
function isRejection(error: unknown): boolean {
  const { code, message, name } = (error ?? {}) as { code?: unknown; message?: unknown; name?: unknown };
  return code === 4001 || /reject|denied|declin|cancel/i.test(`${String(name)} ${String(message)}`);
}

function rejectionWords(error: unknown): string {
  return isRejection(error) ? 'The wallet did not sign. Nothing was sent.' : `${errorWords(error)} Nothing was sent.`;
}
