import './page.css';
import { showCoins } from './coins';
import { byId, orExplain } from './dom';
import { showRefresh } from './refresh';
import { introduceServer } from './server';

const WHILE_FILLING_MS = 2_000;
const OTHERWISE_MS = 15_000;

const EXAMPLE = '{ coin(slug: "bitcoin") { name latestPrice { price observedAt } } }';

function showExample(): void {
  byId('example').textContent = [
    `curl ${location.origin}/graphql \\`,
    "  -H 'Content-Type: application/json' \\",
    `  -d '${JSON.stringify({ query: EXAMPLE })}'`,
  ].join('\n');
}

async function showServer(): Promise<void> {
  const { version, store } = await introduceServer();
  byId('version').textContent = version;
  byId('store').textContent = store;
}

/** Keeps the page current; one look has to end before the next begins. */
async function follow(): Promise<void> {
  let filling = false;
  await Promise.all([
    orExplain('server-problem', showServer),
    orExplain('coins-problem', showCoins),
    orExplain('refresh-problem', async () => {
      filling = await showRefresh();
    }),
  ]);
  setTimeout(follow, filling ? WHILE_FILLING_MS : OTHERWISE_MS);
}

showExample();
void follow();
