type Files = Record<string, string>;

const queries: Files = import.meta.glob('../queries/*.graphql', { query: '?raw', import: 'default', eager: true });
const extras: Files = import.meta.glob('../queries/*.json', { query: '?raw', import: 'default', eager: true });

/**
 * One tab per file in queries/, in the order of their names. Beside `name.graphql` may lie `name.json` with its
 * variables and `name.headers.json`. The first has none: GraphiQL leaves the first tab's variables out.
 */
export const starterTabs = Object.entries(queries).map(([path, query]) => {
  const name = path.replace(/\.graphql$/, '');
  return { query, variables: extras[`${name}.json`] ?? null, headers: extras[`${name}.headers.json`] ?? null };
});
