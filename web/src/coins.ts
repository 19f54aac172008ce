import { ask } from './api';
import { byId, make } from './dom';
import { ago, dollars, percent } from './format';

type LatestPrice = { price: number | null; change24hPercent: number | null; observedAt: string };
type Coin = { slug: string; symbol: string; name: string; rank: number | null; latestPrice: LatestPrice | null };
type Answer = { coins: { nodes: Coin[] } };

const TRACKED_COINS = `{
  coins(first: 50, filter: { tracked: true }) {
    nodes {
      slug symbol name rank
      latestPrice(currency: "usd") { price change24hPercent observedAt }
    }
  }
}`;

export async function showCoins(): Promise<void> {
  const { coins } = await ask<Answer>(TRACKED_COINS);
  byId('coins').replaceChildren(...coins.nodes.map(row));
  byId('no-coins').hidden = coins.nodes.length > 0;
}

function row(coin: Coin): HTMLElement {
  return make(
    'tr',
    '',
    make('td', 'rank', coin.rank === null ? '–' : String(coin.rank)),
    make('td', 'coin', make('span', 'symbol', coin.symbol.toUpperCase()), make('span', 'name', coin.name), make('code', 'slug', coin.slug)),
    ...priceCells(coin.latestPrice),
  );
}

function priceCells(latest: LatestPrice | null): HTMLElement[] {
  if (!latest || latest.price === null) {
    return [make('td', 'number quiet', 'no price yet'), make('td', 'number quiet', '–'), make('td', 'number quiet age', '–')];
  }
  return [make('td', 'number price', dollars(latest.price)), change(latest.change24hPercent), age(latest.observedAt)];
}

function change(value: number | null): HTMLElement {
  if (value === null) return make('td', 'number quiet', '–');
  const { text, direction } = percent(value);
  return make('td', `number ${direction}`, text);
}

function age(observedAt: string): HTMLElement {
  const time = make('time', '', ago(observedAt));
  time.setAttribute('datetime', observedAt);
  time.title = observedAt;
  return make('td', 'number quiet age', time);
}
