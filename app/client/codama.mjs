// Writes src/generated from the committed IDL: `npm run generate`.
//
// Beside what the IDL says, the tree gets what an Anchor IDL cannot say of this program: the reserves behind the market's head,
// the price accounts behind those of a refresh, two kinds of addresses, and an account whose address is fixed.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rootNodeFromAnchor } from '@codama/nodes-from-anchor';
import { renderVisitor } from '@codama/renderers-js';
import {
  accountNode,
  addPdasVisitor,
  argumentValueNode,
  arrayTypeNode,
  assertIsNode,
  bottomUpTransformerVisitor,
  constantPdaSeedNodeFromString,
  createFromRoot,
  definedTypeLinkNode,
  instructionAccountNode,
  instructionNode,
  instructionRemainingAccountsNode,
  numberTypeNode,
  pdaLinkNode,
  pdaNode,
  prefixedCountNode,
  publicKeyTypeNode,
  publicKeyValueNode,
  structFieldTypeNode,
  structTypeNode,
  transformNestedTypeNode,
  variablePdaSeedNode,
} from 'codama';

const here = dirname(fileURLToPath(import.meta.url));
const INSTRUCTIONS_SYSVAR = 'Sysvar1nstructions1111111111111111111111111';

/** A market's head is followed by how many reserves it has, 32 bits padded to eight bytes, and the reserves. */
function withReserves({ size: _, ...account }) {
  const reserves = structFieldTypeNode({
    name: 'reserves',
    docs: ['The index is what instructions name a reserve by.'],
    type: arrayTypeNode(definedTypeLinkNode('reserve'), prefixedCountNode(numberTypeNode('u64'))),
  });
  const data = transformNestedTypeNode(account.data, (struct) => {
    assertIsNode(struct, 'structTypeNode');
    return structTypeNode([...struct.fields, reserves]);
  });
  return accountNode({ ...account, data });
}

/** Prices come as further accounts, one for each reserve, or two. */
function withPrices(instruction) {
  const prices = instructionRemainingAccountsNode(argumentValueNode('prices'), {
    docs: ['The price account of each reserve; of one with two feeds both, one after the other.'],
    isOptional: true,
  });
  return instructionNode({ ...instruction, remainingAccounts: [prices] });
}

/** The sysvar has one address; which token program a mint is of, nobody but the mint can say. */
function withDefaults({ defaultValue, ...account }) {
  if (account.name === 'instructions') {
    return instructionAccountNode({ ...account, defaultValue: publicKeyValueNode(INSTRUCTIONS_SYSVAR) });
  }
  return instructionAccountNode(/tokenProgram$/i.test(account.name) ? account : { ...account, defaultValue });
}

const key = (name) => variablePdaSeedNode(name, publicKeyTypeNode());
const ADDRESSES = {
  ballast: [
    {
      name: 'stake',
      seeds: [
        constantPdaSeedNodeFromString('utf8', 'stake'),
        key('market'),
        key('owner'),
        variablePdaSeedNode('reserve', numberTypeNode('u8')),
      ],
    },
    {
      name: 'change',
      seeds: [
        constantPdaSeedNodeFromString('utf8', 'change'),
        key('market'),
        variablePdaSeedNode('number', numberTypeNode('u64')),
      ],
    },
  ],
};

/** Writes the client of the committed IDL to `<folder>/src/generated`. */
export async function generate(folder) {
  const idl = JSON.parse(await readFile(join(here, '../../idl/ballast.json'), 'utf8'));
  const codama = createFromRoot(rootNodeFromAnchor(idl));
  codama.update(addPdasVisitor(ADDRESSES));
  codama.update(
    bottomUpTransformerVisitor([
      { select: '[accountNode]market', transform: withReserves },
      // There is an instruction of that name.
      { select: '[accountNode]stake', transform: (account) => accountNode({ ...account, name: 'insuranceStake' }) },
      // A record is called a vault too.
      { select: '[pdaNode]listReserveVault', transform: (pda) => pdaNode({ ...pda, name: 'liquidityVault' }) },
      { select: '[pdaLinkNode]listReserveVault', transform: () => pdaLinkNode('liquidityVault') },
      { select: '[instructionNode]refreshPrices', transform: withPrices },
      { select: '[instructionAccountNode]', transform: withDefaults },
    ]),
  );
  await codama.accept(
    renderVisitor(folder, {
      generatedFolder: 'src/generated',
      kitImportStrategy: 'rootOnly',
      // Kit's own make zeros of what is no number.
      dependencyMap: { solanaCodecsNumbers: '../../numbers' },
      prettierOptions: { printWidth: 120, singleQuote: true },
      syncPackageJson: false,
    }),
  );
  await finish(join(folder, 'src/generated'));
}

/** Names the files that are imported, as Node and browsers want it, and keeps the words of errors in production builds. */
async function finish(generated) {
  const files = (await readdir(generated, { recursive: true })).filter((name) => name.endsWith('.ts'));
  const folders = new Set(files.map((name) => dirname(name)));
  for (const name of files) {
    const file = join(generated, name);
    const source = await readFile(file, 'utf8');
    const named = source.replace(/(from ')(\.[^']*)(')/g, (_, from, path, quote) => {
      const target = relative(generated, join(dirname(file), path)) || '.';
      return `${from}${folders.has(target) ? `${path}/index` : path}.js${quote}`;
    });
    // The plugin is written for an older `extendClient`: what the present one returns is inferred.
    // An instruction's signed numbers are times, but for the lots of a trade or an order.
    const ofLots = ['tradePerp.ts', 'restPerpOrder.ts'].map((file) => join('instructions', file));
    const isTimed = dirname(name) === 'instructions' && !ofLots.includes(name);
    const timed = isTimed ? named.replaceAll('getI64Encoder', 'getTimeEncoder') : named;
    const fitted = timed
      .replaceAll("process.env['NODE_ENV'] !== 'production'", 'true')
      .replace("(client: T): Omit<T, 'ballast'> & { ballast: BallastPlugin } =>", '(client: T) =>');
    await writeFile(file, fitted);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await generate(here);
}
