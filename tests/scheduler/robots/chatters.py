"""Prints as many small lines as its process arguments say, alternating between both streams every thousand lines."""

import sys

for number in range(int(sys.argv[4])):
    print(f"line {number}", file=sys.stderr if number // 1000 % 2 else sys.stdout)
