"""The tables that composed statements need; the migrations are what creates them."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, MetaData, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

_TIME = DateTime(timezone=True)
metadata = MetaData()

coins = Table(
    "coins",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("slug", Text),
    Column("symbol", Text),
    Column("name", Text),
    Column("status", Text),
    Column("rank", Integer),
    Column("tracked", Boolean),
    Column("image_url", Text),
)
price_latest = Table(
    "price_latest",
    metadata,
    Column("coin_id", Integer, primary_key=True),
    Column("currency_id", SmallInteger, primary_key=True),
    Column("observed_at", _TIME),
)
refresh_runs = Table(
    "refresh_runs",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("status", Text),
    Column("tasks_total", Integer),
    Column("tasks_open", Integer),
    Column("created_at", _TIME),
    Column("started_at", _TIME),
    Column("heartbeat_at", _TIME),
    Column("resumes_at", _TIME),
    Column("finished_at", _TIME),
)
refresh_tasks = Table(
    "refresh_tasks",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("coin_id", Integer),
    Column("currency_id", SmallInteger),
    Column("granularity", Text),
    Column("provider_id", SmallInteger),
    Column("from_ts", _TIME),
    Column("to_ts", _TIME),
    Column("status", Text),
    Column("attempts", Integer),
    Column("requests", Integer),
    Column("rows_inserted", Integer),
    Column("rows_corrected", Integer),
    Column("rows_unchanged", Integer),
    Column("rows_rejected", Integer),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("retry_at", _TIME),
)
refresh_run_tasks = Table(
    "refresh_run_tasks",
    metadata,
    Column("run_id", BigInteger, primary_key=True),
    Column("task_id", BigInteger, primary_key=True),
)
data_issues = Table(
    "data_issues",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("kind", Text),
    Column("state", Text),
    Column("coin_id", Integer),
    Column("currency_id", SmallInteger),
    Column("provider_id", SmallInteger),
    Column("from_ts", _TIME),
    Column("to_ts", _TIME),
    Column("message", Text),
    Column("occurrences", Integer),
    Column("evidence", JSONB),
    Column("detected_at", _TIME),
    Column("last_seen_at", _TIME),
    Column("acknowledged_by", Text),
    Column("acknowledged_at", _TIME),
    Column("resolved_at", _TIME),
)
