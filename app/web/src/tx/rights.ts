// What a delegate may do, in words.

import { moment } from '../number.ts';

/** Rights by their bits. */
export const RIGHTS = [
  [1, 'withdraw'],
  [2, 'borrow'],
  [8, 'trade perps and move deposits into pools and out'],
  [4, 'pay out to anybody’s token account'],
] as const;

export function rightsWords(rights: number): string {
  const named = RIGHTS.filter(([bit]) => (rights & bit) !== 0).map(([, words]) => words);
  const unknown = rights & ~RIGHTS.reduce((bits, [bit]) => bits | bit, 0);
  return [...named, ...(unknown === 0 ? [] : [`do what this page does not know (${unknown})`])].join(', ');
}

/** Whom an owner lets do what until when. */
export function delegateWords({
  delegate,
  rights,
  until,
}: {
  delegate: string;
  rights: number;
  until: bigint;
}): string {
  return rights === 0
    ? 'Nobody may act for the account any more.'
    : `${delegate} may ${rightsWords(rights)}, until ${moment(until)}.`;
}
