// One WebSocket to the node, opened again when it ends. It forgets nothing that was subscribed to; what was missed meanwhile is for
// whoever listens to `onOpen` to read again.

import { parseJson } from '../json.ts';

interface Subscription {
  readonly method: string;
  readonly params: readonly unknown[];
  readonly on: (result: unknown, connection: number) => void;
  /** The node's number, once it has answered. */
  number?: number;
}

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;

/** The socket. `connection` counts connections: messages of one are in order. */
export class Socket {
  readonly #wanted = new Set<Subscription>();
  readonly #asked = new Map<number, Subscription>();
  readonly #known = new Map<number, Subscription>();
  #socket: WebSocket | undefined;
  #id = 0;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #connection = 0;
  #stopped = false;

  constructor(
    readonly url: string,
    readonly onOpen: () => void,
    readonly onClose: () => void,
  ) {}

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Connects, and again whenever the connection ends. */
  connect(): void {
    clearTimeout(this.#timer);
    const socket = new WebSocket(this.url);
    this.#socket = socket;
    socket.onopen = () => {
      this.#connection += 1;
      for (const subscription of this.#wanted) {
        this.#ask(subscription);
      }
      this.onOpen();
    };
    socket.onmessage = ({ data }) => this.#receive(String(data));
    socket.onclose = () => {
      if (this.#socket === socket) {
        this.#lost();
      }
    };
  }

  /** Ends this connection, because it is silent, and opens the next. */
  restart(): void {
    const old = this.#socket;
    if (old !== undefined) {
      this.#lost();
      old.onmessage = null;
      old.close();
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  /** Subscribes by a method such as `accountSubscribe`, on this connection and those after it. */
  subscribe(method: string, params: readonly unknown[], on: Subscription['on']): () => void {
    const subscription: Subscription = { method, params, on };
    this.#wanted.add(subscription);
    if (this.isOpen) {
      this.#ask(subscription);
    }
    return () => {
      this.#wanted.delete(subscription);
      if (subscription.number !== undefined && this.isOpen) {
        this.#known.delete(subscription.number);
        this.#send(method.replace('Subscribe', 'Unsubscribe'), [subscription.number]);
      }
    };
  }

  #lost(): void {
    this.#socket = undefined;
    this.#asked.clear();
    this.#known.clear();
    for (const subscription of this.#wanted) {
      delete subscription.number;
    }
    if (this.#stopped) {
      return;
    }
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures) * (0.75 + Math.random() / 2);
    this.#failures += 1;
    this.#timer = setTimeout(() => this.connect(), wait);
    this.onClose();
  }

  #ask(subscription: Subscription): void {
    this.#asked.set(this.#send(subscription.method, subscription.params), subscription);
  }

  #send(method: string, params: readonly unknown[]): number {
    this.#id += 1;
    this.#socket?.send(JSON.stringify({ jsonrpc: '2.0', id: this.#id, method, params }));
    return this.#id;
  }

  #receive(data: string): void {
    // A connection that brings something is good; one that only opens may be a proxy without a node.
    this.#failures = 0;
    let message: { id?: number; result?: unknown; params?: { subscription: number; result: unknown } };
    try {
      message = parseJson(data) as typeof message;
    } catch {
      return;
    }
    if (message.params !== undefined) {
      this.#known.get(message.params.subscription)?.on(message.params.result, this.#connection);
      return;
    }
    const subscription = message.id === undefined ? undefined : this.#asked.get(message.id);
    if (subscription !== undefined && typeof message.result === 'number') {
      this.#asked.delete(message.id!);
      if (this.#wanted.has(subscription)) {
        subscription.number = message.result;
        this.#known.set(message.result, subscription);
      } else {
        this.#send(subscription.method.replace('Subscribe', 'Unsubscribe'), [message.result]);
      }
    }
  }
}
