import { ask } from './api';
import { byId } from './dom';

type Server = { version: string; store: string; simulated: boolean };

const STORES: Record<string, string> = {
  TIMESCALEDB_COMMUNITY: 'TimescaleDB (Community)',
  TIMESCALEDB_APACHE: 'TimescaleDB (Apache)',
  POSTGRESQL: 'PostgreSQL',
};

/** Asks the server what it is, and says so loudly when its prices are simulated. Both pages have the notice. */
export async function introduceServer(): Promise<{ version: string; store: string }> {
  const { server } = await ask<{ server: Server }>('{ server { version store simulated } }');
  byId('simulated').hidden = !server.simulated;
  return { version: server.version, store: STORES[server.store] ?? server.store };
}
