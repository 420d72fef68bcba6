"""Looks the locked versions up among the known vulnerabilities, and says so where that cannot be done.

Usage: python .ci/audit.py, in an environment with pip-audit. Exit status: 1 if something is known, else 0.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "locks" / "runtime.txt"
SECONDS = 300


def verdict(dependencies: list[dict[str, Any]]) -> tuple[int, str]:
    """Return exit status and words for what pip-audit found out about each package."""
    asked = [each for each in dependencies if "skip_reason" not in each]
    known = [
        f"{each['name']} {each['version']}: {vulnerability['id']}, mended in {', '.join(vulnerability['fix_versions'])}"
        for each in asked
        for vulnerability in each.get("vulns", [])
    ]
    left = len(dependencies) - len(asked)
    if known:
        return 1, "\n".join(["Known vulnerabilities:", *known])
    if not asked:
        return 0, f"NOT AUDITED: of none of the {left} packages can anything be had here."
    return 0, f"Nothing is known of {len(asked)} packages." + (f" NOT AUDITED: {left} others." if left else "")


def main() -> int:
    """Run pip-audit and judge what it says; it alone takes "not found" for "nothing known"."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
        try:
            done = subprocess.run(
                [*command, "-r", str(LOCK), "-f", "json", "-o", str(report)],
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
            dependencies = json.loads(report.read_text(encoding="utf-8"))["dependencies"]
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            last = "" if isinstance(error, subprocess.TimeoutExpired) else done.stderr.strip().rpartition("\n")[2]
            print(f"NOT AUDITED: pip-audit could not do its work here. {last or error}")
            return 0
    status, words = verdict(dependencies)
    print(words)
    return status


if __name__ == "__main__":
    sys.exit(main())
