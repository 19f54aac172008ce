import { ask } from './api';
import { byId } from './dom';
import { ago, count } from './format';

type Run = {
  status: string;
  tasksTotal: number;
  tasksDone: number;
  requests: number;
  rowsInserted: number;
  resumesAt: string | null;
  finishedAt: string | null;
};
type Answer = { refreshRuns: { nodes: Run[] } };

const NEWEST_RUN = `{
  refreshRuns(first: 1) {
    nodes { status tasksTotal tasksDone requests rowsInserted resumesAt finishedAt }
  }
}`;

const OPEN: Record<string, string> = {
  QUEUED: 'A refresh is about to start',
  RUNNING: 'Filling in prices',
  WAITING_RATE_LIMIT: 'Waiting for the provider to allow more requests',
};

const ENDED: Record<string, string> = {
  SUCCEEDED: 'fetched everything that was missing',
  PARTIAL: 'fetched a part of what was missing',
  FAILED: 'failed',
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
  byId('progress-detail').textContent = `${count(run.requests)} requests sent, ${count(run.rowsInserted)} points stored${resumption(run)}`;
}

function resumption({ resumesAt }: Run): string {
  return resumesAt === null ? '' : `; goes on by itself at ${new Date(resumesAt).toLocaleTimeString()}`;
}

function lastRefresh(run: Run | undefined): string {
  if (!run) return 'No refresh has run yet.';
  const when = run.finishedAt === null ? '' : ` (${ago(run.finishedAt)})`;
  if (run.tasksTotal === 0) return `The last refresh${when} found nothing missing.`;
  return `The last refresh${when} ${ENDED[run.status] ?? run.status}: ${count(run.rowsInserted)} new points with ${count(run.requests)} requests.`;
}
