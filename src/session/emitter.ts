import { EventEmitter } from "eventemitter3";

type Name<Events extends object> = EventEmitter.EventNames<Events>;
type Listener<Events extends object, E extends Name<Events>> = EventEmitter.EventListener<Events, E>;
type AnyListener = (...args: unknown[]) => unknown;

/**
 * An emitter whose listeners can't disturb one another or the session: one that throws, or returns a promise that
 * rejects, is reported to `listenerFailed` and the next one is called.
 * Each listener is registered inside a guard; `off` finds the guard by the listener.
 */
export abstract class GuardedEmitter<Events extends object> extends EventEmitter<Events> {
  readonly #guards = new WeakMap<AnyListener, Map<Name<Events>, AnyListener>>();

  protected abstract listenerFailed(event: Name<Events>, cause: unknown): void;

  /** Listeners of an event were added or removed. */
  protected abstract listenersChanged(event: Name<Events>): void;

  override on<E extends Name<Events>>(event: E, listener: Listener<Events, E>, context?: unknown): this {
    super.on(event, this.#guarded(event, listener), context);
    this.listenersChanged(event);
    return this;
  }

  override addListener<E extends Name<Events>>(
    event: E,
    listener: Listener<Events, E>,
    context?: unknown,
  ): this {
    return this.on(event, listener, context);
  }

  override once<E extends Name<Events>>(event: E, listener: Listener<Events, E>, context?: unknown): this {
    super.once(event, this.#guarded(event, listener), context);
    this.listenersChanged(event);
    return this;
  }

  override removeListener<E extends Name<Events>>(
    event: E,
    listener?: Listener<Events, E>,
    context?: unknown,
    once?: boolean,
  ): this {
    // eventemitter3 itself removes a `once` listener by its guard, which has no guard of its own.
    const guard = listener === undefined ? undefined : this.#guards.get(listener as AnyListener)?.get(event);
    super.removeListener(event, (guard as Listener<Events, E> | undefined) ?? listener, context, once);
    this.listenersChanged(event);
    return this;
  }

  override off<E extends Name<Events>>(
    event: E,
    listener?: Listener<Events, E>,
    context?: unknown,
    once?: boolean,
  ): this {
    return this.removeListener(event, listener, context, once);
  }

  override removeAllListeners(event?: Name<Events>): this {
    const names = event === undefined ? this.eventNames() : [event];
    super.removeAllListeners(event);
    for (const name of names) this.listenersChanged(name);
    return this;
  }

  #guarded<E extends Name<Events>>(event: E, given: Listener<Events, E>): Listener<Events, E> {
    if (typeof given !== "function")
      throw new TypeError(`The listener of "${String(event)}" must be a function`);
    const listener = given as AnyListener;
    const guards = this.#guards.get(listener) ?? new Map<Name<Events>, AnyListener>();
    this.#guards.set(listener, guards);
    const known = guards.get(event);
    if (known !== undefined) return known as Listener<Events, E>;
    const failed = (cause: unknown): void => this.listenerFailed(event, cause);
    const guard: AnyListener = function (this: unknown, payload: unknown): void {
      try {
        const returned = listener.call(this, payload);
        if (typeof (returned as PromiseLike<unknown> | undefined)?.then === "function") {
          Promise.resolve(returned).catch(failed);
        }
      } catch (cause) {
        failed(cause);
      }
    };
    guards.set(event, guard);
    return guard as Listener<Events, E>;
  }
}
