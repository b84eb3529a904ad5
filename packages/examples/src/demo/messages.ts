import type { Json, MessageOptions } from '@tidings/core';
import type { ChannelName } from './channels.ts';

/** One row of the demo's source: who gets what. */
export interface Row {
  /** 0, 1, 2 ...; travels in `data`, so that what a device reads can be matched to it. */
  readonly serial: number;
  readonly channel: ChannelName;
  /** Which of the channel's devices. */
  readonly device: number;
  readonly content: RowContent;
  /** A newer one for the same place on the same device follows at once: this one need not go any more. */
  readonly outdated: boolean;
}

export interface RowContent extends Omit<MessageOptions, 'data'> {
  readonly title: string;
  readonly body: string;
  readonly data: { readonly [key: string]: Json };
}

type Random = () => number;
type Kind = (random: Random, serial: number) => RowContent;

/** What people send push messages for, each with the urgency, lifetime and collapse key that goes with it. */
export const kinds: { readonly [kind: string]: Kind } = {
  priceAlert(random, serial) {
    const symbol = pick(random, ['ACME', 'GLOBEX', 'INITECH', 'UMBRELLA']);
    const price = whole(random, 10, 900) + 0.5;
    return {
      title: 'Price alert',
      body: `${symbol} is below ${price} €`,
      data: { kind: 'priceAlert', symbol, price },
      url: `https://broker.example/quotes/${symbol}`,
      priority: 'high',
      ttl: '10m',
      collapseKey: `price:${symbol}:${serial}`,
    };
  },
  flightChange(random, serial) {
    const flight = `TD${whole(random, 100, 999)}`;
    const gate = `${pick(random, ['A', 'B', 'C'])}${whole(random, 1, 60)}`;
    return {
      title: `${flight}: new gate`,
      body: `Boarding is now at gate ${gate}. Boarding begins at ${clock(random)}.`,
      data: { kind: 'flightChange', flight, gate },
      priority: 'high',
      ttl: '3h',
      collapseKey: `flight:${flight}:${serial}`,
    };
  },
  oneTimeCode(random) {
    const code = String(whole(random, 0, 999_999)).padStart(6, '0');
    return {
      title: 'Your code',
      body: `${code} is your code. Nobody from our team will ask you for it.`,
      data: { kind: 'oneTimeCode' },
      priority: 'high',
      ttl: '2m',
    };
  },
  orderUpdate(random, serial) {
    const state = pick(random, ['packed', 'on its way', 'out for delivery', 'delivered']);
    return {
      title: 'Your order',
      body: `Order ${serial + 100_000} is ${state}.`,
      data: { kind: 'orderUpdate', order: serial + 100_000, state },
      url: `https://shop.example/orders/${serial + 100_000}`,
      ttl: '1d',
      collapseKey: `order:${serial + 100_000}`,
    };
  },
  friendPost(random) {
    const friend = pick(random, ['Amélie', 'Björn', 'Chidi', '美咲', 'Дарья']);
    return {
      title: `${friend} posted`,
      body: pick(random, ['“First snow ❄️”', '“Who is in for Saturday?”', '“Look at this 🐙”']),
      data: { kind: 'friendPost', friend, likes: whole(random, 0, 90), tags: ['weekend', 'outdoors'] },
      priority: 'low',
      ttl: '12h',
    };
  },
  gameEvent(random) {
    return {
      title: 'Your base is under attack',
      body: `${pick(random, ['Rust', 'Ember', 'Frost'])} clan is at your gates. Walls hold for ${whole(random, 2, 59)} minutes.`,
      data: { kind: 'gameEvent', level: whole(random, 1, 80), shield: random() < 0.5 },
      ttl: '30m',
    };
  },
  breakingNews(random) {
    return {
      title: 'Breaking news',
      body: pick(random, ['Parliament agrees on the budget', 'Probe lands on Europa', 'Trains run again']),
      data: { kind: 'breakingNews', article: whole(random, 1, 9999) },
      url: 'https://news.example/live',
      priority: 'low',
      ttl: '6h',
    };
  },
  cameraAlarm(random) {
    const place = pick(random, ['Front door', 'Garage', 'Garden']);
    return {
      title: `${place}: movement`,
      body: `A person was seen at ${clock(random)}.`,
      data: { kind: 'cameraAlarm', camera: place, confidence: whole(random, 60, 99) / 100 },
      image: 'https://camera.example/snapshot.jpg',
      priority: 'high',
      ttl: '5m',
    };
  },
  appointment(random, serial) {
    return {
      title: 'Tomorrow at your dentist',
      body: `Dr. Molar expects you at ${clock(random)}. Reply until tonight if you can't come.`,
      data: { kind: 'appointment', appointment: serial },
      ttl: '20h',
      collapseKey: `appointment:${serial}`,
    };
  },
};

/** One in so many rows is followed by a newer state of the same match. */
const outdatedEvery = 100;

/** One channel's messages, read as fast as the engine takes them. The same seed gives the same ones. */
export function* makeRows(options: {
  readonly channel: ChannelName;
  /** Serial of the first. */
  readonly first: number;
  readonly count: number;
  readonly seed: number;
  /** Of this channel. */
  readonly devices: number;
}): Generator<Row> {
  const { channel, first, count, seed, devices } = options;
  const random = seeded(seed);
  const all = Object.values(kinds);
  for (let serial = first; serial < first + count; serial++) {
    const device = whole(random, 0, devices - 1);
    if ((serial - first) % outdatedEvery === outdatedEvery - 2 && serial + 1 < first + count) {
      const goals = whole(random, 0, 4);
      yield row(serial, channel, device, score(serial, goals), true);
      serial++;
      yield row(serial, channel, device, score(serial - 1, goals + 1), false);
    } else yield row(serial, channel, device, pick(random, all)(random, serial), false);
  }
}

function row(serial: number, channel: ChannelName, device: number, content: RowContent, outdated: boolean): Row {
  return { serial, channel, device, content: { ...content, data: { ...content.data, serial } }, outdated };
}

/** The only messages that share a collapse key: the newer one takes the older one's place. */
function score(match: number, goals: number): RowContent {
  return {
    title: 'Goal!',
    body: `It is ${goals}:1 now.`,
    data: { kind: 'score', match, goals },
    ttl: '15m',
    collapseKey: `match:${match}`,
  };
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!;
}

function whole(random: Random, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}

function clock(random: Random): string {
  return `${whole(random, 7, 19)}:${String(whole(random, 0, 59)).padStart(2, '0')}`;
}

/** mulberry32: enough for messages, and the same everywhere. */
function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
