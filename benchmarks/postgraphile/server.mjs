// PostGraphile on pricegraph's tables, as its users would set it up: node server.mjs <database url> <port>
import { createServer } from "node:http";
import { postgraphile } from "postgraphile";
import { grafserv } from "postgraphile/grafserv/node";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { jsonPgSmartTags } from "postgraphile/utils";
import { PostGraphileConnectionFilterPreset } from "postgraphile-plugin-connection-filter";

const [url, port] = process.argv.slice(2);

// The price tables have no foreign keys (a check per row would double the cost of a load): they are told here.
const ofCoin = { tags: { foreignKey: "(coin_id) references coins (id)" } };
const relations = jsonPgSmartTags({
  version: 1,
  config: { class: { price_hourly: ofCoin, price_daily: ofCoin, price_latest: ofCoin } },
});

const preset = {
  extends: [PostGraphileAmberPreset, PostGraphileConnectionFilterPreset],
  plugins: [relations],
  pgServices: [makePgService({ connectionString: url, schemas: ["public"] })],
  grafast: { explain: false },
  grafserv: { websockets: false, watch: false },
};

const server = createServer();
await postgraphile(preset).createServ(grafserv).addTo(server);
server.listen(Number(port), "127.0.0.1");
