import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './graphiql.css';
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';
import { byId, orExplain } from './dom';
import { introduceServer } from './server';
import { starterTabs } from './tabs';

const fetcher = createGraphiQLFetcher({ url: '/graphql' });
const wantsDocs = new URLSearchParams(location.search).has('docs');

createRoot(byId('graphiql')).render(
  <GraphiQL
    fetcher={fetcher}
    defaultTabs={starterTabs}
    defaultEditorToolsVisibility
    {...(wantsDocs && { visiblePlugin: 'Documentation Explorer' })}
  >
    <GraphiQL.Logo>
      <a className="home" href="/">
        pricegraph
      </a>
    </GraphiQL.Logo>
  </GraphiQL>,
);

void orExplain('server-problem', async () => {
  await introduceServer();
});
