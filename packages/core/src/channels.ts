// What `createEngine` infers from `channels`: types only.
import type { Adapter, Content } from './adapter.ts';
import type { Duration, Policy } from './policy.ts';

/** A policy around one adapter or a failover list, made by `withPolicy`. */
export interface Tuned<A extends Adapter = Adapter> {
  readonly via: readonly A[];
  readonly policy: Policy;
  /** Orders or leaves out adapters for one delivery; made by `route`. */
  readonly order?: Route | undefined;
}
/** Given a delivery's target and tenant, the providers to try, in this order. */
export type Route = (delivery: { readonly target: unknown; readonly tenant?: string | undefined }) => readonly string[];

/** One adapter, or several for failover in this order. */
export type Channel = Adapter | readonly Adapter[] | Tuned;
export interface Channels {
  readonly [name: string]: Channel;
}

export type AdapterOf<C> = C extends readonly (infer A)[] ? A : C extends Tuned<infer A> ? A : C;
export type PartOf<A, Part extends 'target' | 'content' | 'native'> =
  A extends Adapter<string, infer Target, infer Own, infer Native>
    ? { target: Target; content: Own; native: Native }[Part]
    : never;
/** What all adapters of a channel accept: union to intersection, boxed so that a union inside one target stays one. */
export type Common<A, Part extends 'target' | 'content' | 'native'> = (
  A extends unknown ? (box: [PartOf<A, Part>]) => void : never
) extends (box: infer Box extends [unknown]) => void
  ? Box[0]
  : never;
export type To<Name, Target> = { readonly channel: Name } & Target;

/** Members, not aliases, so that errors print `To<"ios", ApnsTarget>` and not the whole channel map. */
export interface Derived<C extends Channels, Recipient = never> {
  target: { [Name in keyof C & string]: To<Name, Common<AdapterOf<C[Name]>, 'target'>> }[keyof C & string];
  to: Derived<C>['target'] | Recipient | FirstOf<Derived<C>['target']> | Many<Derived<C>['target'] | Recipient>;
  content: {
    readonly [Name in keyof C & string]?: Partial<Content & Common<AdapterOf<C[Name]>, 'content'>> | undefined;
  };
  adapter: { [Name in keyof C]: AdapterOf<C[Name]> }[keyof C];
  native: {
    readonly [A in Derived<C>['adapter'] as A extends Adapter<infer Provider> ? Provider : never]?:
      | PartOf<A, 'native'>
      | undefined;
  };
}

/** One after the other until one is accepted (or, with `wait`, until a receipt tells that it arrived): push, then SMS. One outcome per step; unused steps are `suppressed`, `notNeeded`. */
export interface FirstOf<T> {
  readonly firstOf: readonly T[];
  /** How long each step may take to be heard of (a receipt, see `engine.receipt`) before the next one goes. Without it, acceptance by the provider is enough. */
  readonly wait?: Duration | undefined;
  readonly channel?: never;
}
/** An array with an absent `channel`: so that errors elaborate into the wrong property of a single target and do not stop at `to`. */
export type Many<T> = readonly T[] & { readonly channel?: never };
