import { ask } from './api';
import { byId } from './dom';
import { count } from './format';

type Run = { id: string; status: string; tasksTotal: number; tasksDone: number; requests: number; rowsInserted: number };
type Answer = { refreshRuns: { nodes: Run[] } };

const NEWEST_RUN = '{ refreshRuns(first: 1) { nodes { id status tasksTotal tasksDone requests rowsInserted } } }';

const OPEN: Record<string, string> = {
  QUEUED: 'A refresh is about to start',
  RUNNING: 'Filling in prices',
  WAITING_RATE_LIMIT: 'Waiting for the provider to allow more requests',
};

const ENDED: Record<string, string> = {
  SUCCEEDED: 'fetched everything',
  PARTIAL: 'fetched a part',
  FAILED: 'failed',
  CANCELLED: 'was cancelled',
};

/** Shows how the newest refresh is doing. True while it is still open. */
export async function showRefresh(): Promise<boolean> {
  const { refreshRuns } = await ask<Answer>(NEWEST_RUN);
  const run = refreshRuns.nodes[0];
  const open = run !== undefined && run.status in OPEN;
  byId('progress').hidden = !open;
  byId('last-refresh').textContent = open ? '' : lastRefresh(run);
  if (open) showProgress(run);
  return open;
}

function showProgress(run: Run): void {
  const bar = byId('progress-bar');
  bar.setAttribute('max', String(Math.max(run.tasksTotal, 1)));
  bar.setAttribute('value', String(run.tasksDone));
  byId('progress-title').textContent = OPEN[run.status] ?? run.status;
  byId('progress-tasks').textContent = `${count(run.tasksDone)} of ${count(run.tasksTotal)} tasks`;
  byId('progress-detail').textContent = `${count(run.requests)} requests sent, ${count(run.rowsInserted)} points stored`;
}

function lastRefresh(run: Run | undefined): string {
  if (!run) return 'No refresh has run yet.';
  return `The last refresh ${ENDED[run.status] ?? run.status}: ${count(run.rowsInserted)} new points, ${count(run.requests)} requests.`;
}
