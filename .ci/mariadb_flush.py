"""Set what MariaDB does with its log at each commit (1: wait for the disk, 0: do not), and print what it did before.

Prints nothing where the tests' server is not there, or does not permit it; then it stays as it is.
"""

from __future__ import annotations

import sys

import sqlalchemy as sa

ADDRESS = "mysql+pymysql://root@127.0.0.1:3306"


def main() -> None:
    """Do what the module says, with the value of the command line."""
    wanted = int(sys.argv[1])
    engine = sa.create_engine(ADDRESS, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            before = connection.exec_driver_sql("SELECT @@GLOBAL.innodb_flush_log_at_trx_commit").scalar_one()
            connection.exec_driver_sql(f"SET GLOBAL innodb_flush_log_at_trx_commit = {wanted}")
    except sa.exc.DBAPIError as error:
        print(f"MariaDB goes on as it did: {error.orig}", file=sys.stderr)
    else:
        print(before)


if __name__ == "__main__":
    main()
