"""What the database may do with the machine's memory.

PostgreSQL's own settings suit a small machine: 128 MB of buffers. The image of docker-compose.yml sets them anew when
it first starts, by timescaledb-tune; these are its rules (github.com/timescale/timescaledb-tune).
"""

from __future__ import annotations

import os


def memory_settings() -> dict[str, str]:
    """A quarter of the memory for buffers; three quarters are what the planner takes for cached."""
    megabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return {
        "shared_buffers": f"{megabytes // 4}MB",
        "effective_cache_size": f"{megabytes * 3 // 4}MB",
        "random_page_cost": "1.1",
    }
