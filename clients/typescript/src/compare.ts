import { ApiError, ask } from './client.js';
import { CompareDocument, type CompareQuery } from './generated.js';

const COINS = ['bitcoin', 'ethereum', 'solana', 'cardano', 'dogecoin'];

type Result = CompareQuery['priceHistory'][number];

/** One line about one coin: how its price changed, or why there is none. */
function line({ slug, history, error }: Result): string {
  if (error) return `${slug}: ${error.code}, ${error.message}`;
  const prices = history?.columns.price.filter((price) => price !== null) ?? [];
  const [first, last] = [prices.at(0), prices.at(-1)];
  if (!history || first === undefined || last === undefined) return `${slug}: no price in this range`;
  const change = ((last / first - 1) * 100).toFixed(2);
  const stored = Math.round(history.coverage.completeness * 100);
  return `${slug}: ${change} % from ${first} to ${last} ${history.currency.code}, ${stored} % of the days stored`;
}

const given = process.argv.slice(2);
try {
  const { priceHistory } = await ask(CompareDocument, {
    coins: given.length > 0 ? given : COINS,
    currency: 'usd',
    from: 'now-30d',
  });
  for (const result of priceHistory) console.log(line(result));
  process.exitCode = priceHistory.some(({ error }) => error) ? 1 : 0;
} catch (problem) {
  console.error(problem instanceof Error ? problem.message : problem);
  process.exitCode = problem instanceof ApiError && problem.retryable ? 75 : 2;
}
