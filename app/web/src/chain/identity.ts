// Whether the node is of the chain, and the program on it the one, that the host names. Until both are known to be right the page
// signs nothing.

import { type Address, getAddressDecoder, getAddressEncoder, getProgramDerivedAddress } from '@solana/kit';
import { sha256 } from '../bytes.ts';
import type { Config } from '../config.ts';
import type { AccountInfo, Rpc } from './rpc.ts';

/** What is known of the chain and the program. */
export type Identity =
  | { readonly state: 'checking' }
  | { readonly state: 'right'; readonly programHash: string; readonly upgradeAuthority: Address | undefined }
  | { readonly state: 'wrong' | 'unknown'; readonly words: string };

const LOADER = 'BPFLoaderUpgradeab1e11111111111111111111111' as Address;
/** Of a program's data account: its kind, the slot of the last deployment, and perhaps who may upgrade it. */
const HEAD = 45;

/** Where the upgradeable loader keeps a program's bytecode. */
async function programDataAddress(program: Address): Promise<Address> {
  const seeds = [getAddressEncoder().encode(program)];
  return (await getProgramDerivedAddress({ programAddress: LOADER, seeds }))[0];
}

/** The bytecode in a program's data account: an ELF file is as long as its header says, and behind it are zeros. */
function bytecodeOf(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const file = Uint8Array.from(data.subarray(HEAD));
  const view = new DataView(file.buffer);
  if (file.length < 64 || view.getUint32(0) !== 0x7f454c46) {
    throw new Error('the account of the program holds no program');
  }
  const sections = Number(view.getBigUint64(0x28, true)) + view.getUint16(0x3a, true) * view.getUint16(0x3c, true);
  if (sections > file.length || file.subarray(sections).some((byte) => byte !== 0)) {
    return file;
  }
  return file.slice(0, sections);
}

function upgradeAuthority(data: Uint8Array): Address | undefined {
  return data[12] === 1 ? getAddressDecoder().decode(data, 13) : undefined;
}

/** Compares genesis hash and program hash with the host's. `settled` tells it first of what is wrong, then of what is right. */
export async function identify(config: Config, rpc: Rpc, whenIdle: () => Promise<void>): Promise<Identity> {
  try {
    const genesisHash = await rpc.genesisHash();
    if (genesisHash !== config.genesisHash) {
      return {
        state: 'wrong',
        words: `The node is of another chain: its genesis hash is ${genesisHash}, and this page is for ${config.genesisHash}.`,
      };
    }
    const at = await programDataAddress(config.program);
    // The bytecode is large. Numbers come first.
    await whenIdle();
    const [answer] = await rpc.accounts([at]);
    const info: AccountInfo | undefined = answer!.value;
    if (info === undefined || info.owner !== LOADER) {
      return { state: 'wrong', words: `There is no program at ${config.program} on this chain.` };
    }
    const programHash = await sha256(bytecodeOf(info.data));
    if (programHash !== config.programHash) {
      return {
        state: 'wrong',
        words: `The program on the chain is not the one this page is for: the SHA-256 of its bytecode is ${programHash}, and should be ${config.programHash}.`,
      };
    }
    return { state: 'right', programHash, upgradeAuthority: upgradeAuthority(info.data) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { state: 'unknown', words: `Chain and program could not be checked: ${reason}.` };
  }
}
