"""Every kind of fault in one line, for `GET /_control/faults`. `arg` is the number that may come with it."""

CORRECTION = "correction"

KINDS = {
    # an error instead of the data
    "429": "the rate limit, with Retry-After in seconds (arg: 7)",
    "429-date": "the rate limit, with Retry-After as a date, arg seconds ahead (7)",
    "429-noheader": "the rate limit, without Retry-After",
    "429-empty": "the rate limit, with no body and no Retry-After",
    "429-in-200": "the body of a rate limit under status 200",
    "throttled": "the edge's own rate limit: 429, plain text, no header",
    "quota": "the month's calls are spent",
    "quota-in-200": "the body of a spent month under status 200",
    "401": "the key is missing or wrong",
    "403": "the key has no right to ask this",
    "404": "there is no such coin, product or account",
    "500": "an internal error in JSON",
    "502html": "the edge's 502 in HTML",
    "503": "503 with no body",
    "html403": "the edge blocks the caller, in HTML",
    "html200": "a waiting page in HTML under status 200",
    "redirect-loop": "a redirect to the same address",
    # the wrong data
    "null": "every tenth price is null",
    "nan": "every tenth price is the bare word NaN",
    "zero": "every tenth price is 0",
    "negative": "every tenth price is below 0",
    "missing": "every tenth price is left out of its row",
    "string-number": 'every tenth price is text, as in "12.3 USD"',
    "null-caps": "a share of a chart's market caps is null (arg: 0.1)",
    "gap": "a share of the rows is left out (arg: 0.1)",
    "partial-page": "the second half of the rows is left out",
    "empty": "no rows at all, in the right shape",
    "dup": "every tenth row comes twice",
    "reorder": "the rows are shuffled",
    "future": "one more row, arg seconds ahead of now (86400)",
    "dst": "the hour that begins at arg is stamped an hour early, as when summer time ends (the last time it did)",
    "short-array": "a chart has arg market caps fewer than prices (1)",
    "renamed": "the price has another field name, everywhere",
    "cursor-repeats": "from the second page on, every page names itself as the next one",
    "first-page": "whatever page of a history is asked for, the first one comes",
    # the right data, badly sent
    "slow": "the answer comes after arg seconds (5)",
    "timeout": "no answer for arg seconds (60)",
    "drip": "the body comes byte by byte, in arg seconds (60)",
    "slowloris": "the head comes byte by byte, in arg seconds (60), and the connection is closed",
    "truncated": "half the body, under its own length",
    "wrong-length": "half the body under the length of the whole, then the connection ends",
    "reset": "half the body, then the connection is reset",
    "gzip-bad": "compressed and damaged",
    "huge": "arg megabytes of valid JSON (300)",
    # not an answer but an event
    CORRECTION: "from now on this share (probability) of all past hours has prices that differ by a share of up to "
    "arg (0.01); it outlasts the faults, and the truth knows it",
}
