"""Lists of texts as PostgreSQL reads them."""

from __future__ import annotations

import psycopg
from hypothesis import given
from hypothesis import strategies as st

from db.arrays import text_array

letters = st.characters(codec="utf-8", exclude_characters="\0")
texts = st.lists(st.text(letters) | st.sampled_from(["", "NULL", '"', "\\", "a,b", "{}"]))


def test_every_text_comes_back_as_it_was(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:

        @given(texts)
        def check(given_texts: list[str]) -> None:
            row = connection.execute("select %s::text[]", (text_array(given_texts),)).fetchone()
            assert row == (given_texts,)

        check()
