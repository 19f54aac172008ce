import { defineConfig } from 'vite';

export default defineConfig({
  build: {
    // `npm run build` moves this to dist/ when it is whole: a server beside it never sees half a build.
    outDir: 'node_modules/.build',
    emptyOutDir: true,
    assetsDir: 'static',
    // Nothing becomes a data: address, which the pages' policy refuses.
    assetsInlineLimit: 0,
    // The chunk of GraphiQL with its editor is 3 MB, and is loaded from the server next door.
    chunkSizeWarningLimit: 3000,
    rollupOptions: {
      input: ['index.html', 'graphiql.html'],
      // "use client" in GraphiQL's dependencies is for servers that render React; here it means nothing.
      onwarn: (warning, warn) => warning.code === 'MODULE_LEVEL_DIRECTIVE' || warn(warning),
    },
  },
  worker: { format: 'es' },
});
