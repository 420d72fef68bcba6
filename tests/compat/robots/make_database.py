"""Makes a database the way an older OpenOrchestrator does, with one row of everything. Runs in its environment."""

import importlib
import pkgutil
import sys
from datetime import datetime

from sqlalchemy import create_engine

import OpenOrchestrator.database
from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.database import db_util
from OpenOrchestrator.database.logs import Log, LogLevel


def main():
    url, key = sys.argv[1:3]
    for module in pkgutil.iter_modules(OpenOrchestrator.database.__path__):
        importlib.import_module("OpenOrchestrator.database." + module.name)
    Log.metadata.create_all(create_engine(url))

    crypto_util.set_key(key)
    db_util.connect(url)
    db_util.create_constant("address", "old value æøå")
    db_util.create_credential("login", "user", "pässword")
    when = datetime(2030, 5, 6, 7, 8, 9)
    db_util.create_single_trigger("once", "single process", when, "a.py", "args", False, False, 3, ["one", "two"], None)
    db_util.create_scheduled_trigger(
        "nightly", "scheduled process", "0 3 * * *", when, "https://example.org/r.git", "", True, True, 0, [], "main"
    )
    db_util.create_queue_trigger("worker", "queue process", "old work", "b.py", "", False, True, 5, 1, [], None)
    db_util.bulk_create_queue_elements("old work", ("a", "b"), ("1", None), "somebody")
    db_util.create_log("old process", LogLevel.INFO, None, "an old message æøå")
    db_util.send_ping_from_scheduler("old machine")
    job = db_util.start_job("old process", "old machine")
    db_util.set_job_status(job.id, type(job.status).DONE)


main()
