"""What the migrations wrote, and how it comes back after a test that empties all tables.

Django writes content types and rights anew, with its signal after migrations, and leaves groups, the nightly check and
the alerts' rules out; copying the rows back takes a tenth of that time and forgets nothing.
"""

from typing import Any

from django.core.management.commands import flush
from django.db import connection, transaction

KEPT = "kept"  # a schema


def keep_rows() -> None:
    """Copy every row of the tables that a flush empties, and have a flush put them back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT usesuper FROM pg_user WHERE usename = current_user")
        if cursor.fetchone() == (True,):
            vars(flush)["sql_flush"] = list_deletions
        cursor.execute(f"CREATE SCHEMA {KEPT}")
        for table in connection.introspection.django_table_names(only_existing=True, include_views=False):
            cursor.execute(f'CREATE TABLE {KEPT}."{table}" AS TABLE public."{table}"')
            if not cursor.rowcount:
                cursor.execute(f'DROP TABLE {KEPT}."{table}"')
    vars(flush)["emit_post_migrate_signal"] = put_rows_back


def put_rows_back(*args: Any, **options: Any) -> None:
    """In place of the signal after migrations; foreign keys are looked at with the commit."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [KEPT])
        for (table,) in cursor.fetchall():
            cursor.execute(f'INSERT INTO public."{table}" SELECT * FROM {KEPT}."{table}"')


def drop_by_force(name: str, verbosity: int) -> None:
    """Drop the tests' database, whatever sessions of threads and processes tests have left behind."""
    creation: Any = connection.creation
    with creation._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def list_deletions(*args: Any, **options: Any) -> list[str]:
    """In place of a TRUNCATE of fifty tables, which makes their hundreds of files anew: delete the few rows there are.

    As a replica, where no trigger of ours keeps rows from being deleted. Only a superuser may.
    """
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    found = [f"SELECT '{table}' WHERE EXISTS (SELECT FROM public.\"{table}\")" for table in tables]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(found))
        filled = [table for (table,) in cursor.fetchall()]
    deletions = [f'DELETE FROM public."{table}"' for table in filled]
    return ["SET LOCAL session_replication_role = replica", *deletions, "SET LOCAL session_replication_role = DEFAULT"]
