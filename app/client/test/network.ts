import { readFileSync } from 'node:fs';
import {
  type Address,
  appendTransactionMessageInstructions,
  compileTransaction,
  createKeyPairSignerFromBytes,
  createSolanaRpc,
  createTransactionMessage,
  getBase64EncodedWireTransaction,
  getBase64Encoder,
  getSignatureFromTransaction,
  type Instruction,
  type KeyPairSigner,
  pipe,
  type Rpc,
  setTransactionMessageFeePayer,
  setTransactionMessageFeePayerSigner,
  setTransactionMessageLifetimeUsingBlockhash,
  signTransactionMessageWithSigners,
  type SolanaRpcApi,
} from '@solana/kit';
import * as client from '../src/index.js';

export interface Manifest {
  rpc_url: string;
  program: Address;
  market: Address;
  vault: Address | null;
  reserves: { index: number; symbol: string; mint: Address; decimals: number; price_account: Address }[];
  wallets: { name: string; address: Address; keypair: string | null }[];
}

/** Where the manifest of a running network is, as `ballast-localnet` writes it. */
export const path = process.env.BALLAST_LOCALNET_MANIFEST;

/** What a simulation or a signature's status says went wrong, in words. */
function reason(error: unknown, instructions: readonly Instruction[]): Error {
  const found = client.findProgramError(error, { instructions });
  const detail = JSON.stringify(error, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value));
  return new Error(found === undefined ? detail : client.describeProgramError(found), { cause: error });
}

export class Network {
  constructor(
    readonly rpc: Rpc<SolanaRpcApi>,
    readonly manifest: Manifest,
    readonly trader: KeyPairSigner,
    readonly lender: KeyPairSigner,
  ) {}

  static async open(manifestPath: string) {
    const manifest = JSON.parse(readFileSync(manifestPath, 'utf8')) as Manifest;
    const wallet = (name: string) => {
      const file = manifest.wallets.find((one) => one.name === name)!.keypair!;
      return createKeyPairSignerFromBytes(new Uint8Array(JSON.parse(readFileSync(file, 'utf8')) as number[]));
    };
    return new Network(createSolanaRpc(manifest.rpc_url), manifest, await wallet('trader'), await wallet('lender'));
  }

  now() {
    return client.fetchTime(this.rpc);
  }

  /** Until the chain's next second. */
  async tick() {
    const start = await this.now();
    while ((await this.now()) <= start) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async sign(payer: KeyPairSigner, instructions: readonly Instruction[]) {
    const { value: blockhash } = await this.rpc.getLatestBlockhash().send();
    const message = pipe(
      createTransactionMessage({ version: 0 }),
      (empty) => setTransactionMessageFeePayerSigner(payer, empty),
      (paid) => setTransactionMessageLifetimeUsingBlockhash(blockhash, paid),
      (alive) => appendTransactionMessageInstructions(instructions, alive),
    );
    return signTransactionMessageWithSigners(message);
  }

  /** What a transaction would return. Throws in words if it would fail. */
  async simulate(payer: KeyPairSigner, instructions: readonly Instruction[]): Promise<Uint8Array> {
    const wire = getBase64EncodedWireTransaction(await this.sign(payer, instructions));
    const { value } = await this.rpc.simulateTransaction(wire, { encoding: 'base64', sigVerify: true }).send();
    if (value.err !== null) {
      throw reason(value, instructions);
    }
    return new Uint8Array(getBase64Encoder().encode(value.returnData?.data[0] ?? ''));
  }

  /**
   * What accounts would be after a transaction that nobody has signed, or the code of Ballast's error. None if another program refuses it.
   */
  async try(
    payer: Address,
    instructions: readonly Instruction[],
    addresses: readonly Address[],
  ): Promise<Uint8Array[] | number | undefined> {
    const { value: blockhash } = await this.rpc.getLatestBlockhash().send();
    const message = pipe(
      createTransactionMessage({ version: 0 }),
      (empty) => setTransactionMessageFeePayer(payer, empty),
      (paid) => setTransactionMessageLifetimeUsingBlockhash(blockhash, paid),
      (alive) => appendTransactionMessageInstructions(instructions, alive),
    );
    const wire = getBase64EncodedWireTransaction(compileTransaction(message));
    const accounts = { addresses, encoding: 'base64' } as const;
    const { value } = await this.rpc.simulateTransaction(wire, { encoding: 'base64', accounts }).send();
    if (value.err === null) {
      return value.accounts.map((account) => new Uint8Array(getBase64Encoder().encode(account!.data[0])));
    }
    const found = client.findProgramError(value, { instructions });
    return found?.program === client.BALLAST_PROGRAM_ADDRESS ? found.code : undefined;
  }

  /** Simulates and sends a transaction, and waits until it is confirmed. */
  async send(payer: KeyPairSigner, instructions: readonly Instruction[]) {
    await this.simulate(payer, instructions);
    const transaction = await this.sign(payer, instructions);
    const wire = getBase64EncodedWireTransaction(transaction);
    await this.rpc.sendTransaction(wire, { encoding: 'base64' }).send();
    const signature = getSignatureFromTransaction(transaction);
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const { value } = await this.rpc.getSignatureStatuses([signature]).send();
      const status = value[0];
      if (status?.err) {
        throw reason(status.err, instructions);
      }
      if (status?.confirmationStatus === 'confirmed' || status?.confirmationStatus === 'finalized') {
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`${signature} was not confirmed in ten seconds`);
  }

  /** Sends transactions one after the other. */
  async sendAll(payer: KeyPairSigner, transactions: readonly (readonly Instruction[])[]) {
    for (const instructions of transactions) {
      await this.send(payer, instructions);
    }
  }

  async balance(account: Address): Promise<bigint> {
    return BigInt((await this.rpc.getTokenAccountBalance(account).send()).value.amount);
  }
}
