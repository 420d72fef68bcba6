"""Drains a queue by the two statements that any queue needs. Arguments: kind of database, URL, queue."""

from __future__ import annotations

import sys

import handshake

from benchmarks.databases import Target
from benchmarks.elements import raw_claimer, raw_finisher

target = Target(sys.argv[1], sys.argv[2])
connection = target.raw()
claim = raw_claimer(target, sys.argv[3], connection)
finish = raw_finisher(target, connection)
raw_claimer(target, "an empty queue", connection)()
handshake.wait_for_start()
numbers = []
while row := claim():
    numbers.append(str(row[2]))
    finish(row[0])
handshake.tell(numbers)
