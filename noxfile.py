"""Every task of a developer under one name, on Linux and Windows alike: ``nox -s <name>``, ``nox -l`` lists them."""

from __future__ import annotations

from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "typecheck", "layers", "docs", "tests"]


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; what follows ``--`` goes to pytest. Another Python: ``nox -s tests --force-python 3.13``."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """Run the app in Chromium; tests skip and say so where Chromium or npm is missing."""
    session.install("-e", ".[test]")
    session.run("pytest", "tests/browser", *session.posargs)


@nox.session
def pictures(session: nox.Session) -> None:
    """Make the pictures of the README anew, in Chromium; look at them before you commit them."""
    session.install("-e", ".[test]")
    session.run("python", "docs/take_screenshots.py")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting; ``nox -s lint -- fix`` repairs what can be repaired."""
    session.install("ruff>=0.11")
    if "fix" in session.posargs:
        session.run("ruff", "check", "--fix", ".")
        session.run("ruff", "format", ".")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typecheck(session: nox.Session) -> None:
    """Check the types, as Linux and as Windows see them."""
    session.install("-e", ".[dev]")
    for platform in ("linux", "win32"):
        session.run("mypy", "--strict", "--platform", platform)


@nox.session
def layers(session: nox.Session) -> None:
    """Check who imports whom."""
    session.install("-e", ".[dev]")
    session.run("lint-imports")


@nox.session
def docs(session: nox.Session) -> None:
    """Check that the documents tell the truth; ``nox -s docs -- write`` makes the generated ones anew."""
    session.install("-e", ".[test]")
    if "write" in session.posargs:
        session.run("python", "docs/generate_states.py", "--write")
        session.run("python", "docs/quote_examples.py", "--write")
    session.run("pytest", "tests/unit/test_docs.py")


@nox.session
def windows(session: nox.Session) -> None:
    """Run tests in a Windows Python under Wine, which a script sets up; what follows ``--`` goes to pytest.

    See ``.ci/windows.py`` for the script, and CONTRIBUTING.md for what Wine is not.
    """
    session.install("uv>=0.6")
    folder = str(Path(session.cache_dir) / "windows")
    session.run("python", ".ci/windows.py", "prepare", folder)
    session.run("python", ".ci/windows.py", "test", folder, *(session.posargs or ["tests/unit", "tests/scheduler"]))


@nox.session
def lock(session: nox.Session) -> None:
    """Write the locked versions anew; ``nox -s lock -- --upgrade`` takes the newest."""
    session.install("uv>=0.6")
    session.run("bash", ".ci/lock", *session.posargs, external=True)


@nox.session
def audit(session: nox.Session) -> None:
    """Look the locked versions up among the known vulnerabilities; says so where that cannot be done."""
    session.install("pip-audit>=2.9")
    session.run("python", ".ci/audit.py")


@nox.session
def build(session: nox.Session) -> None:
    """Build the wheel and the source distribution into ``dist/``."""
    session.install("build")
    session.run("python", "-m", "build", "--outdir", "dist")


@nox.session
def revision(session: nox.Session) -> None:
    """Write a new migration from the models: ``nox -s revision -- "what changes"``."""
    if len(session.posargs) != 1:
        session.error('Say what changes: nox -s revision -- "Add a column for ..."')
    session.install("-e", ".[dev]")
    file = Path(session.create_tmp()) / "revision.db"
    file.unlink(missing_ok=True)
    database = f"sqlite:///{file.as_posix()}"
    session.run("alembic", "-x", database, "upgrade", "head")
    session.run("alembic", "-x", database, "revision", "--autogenerate", "-m", session.posargs[0])


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Measure, beside the raw driver; ``nox -s benchmarks -- --quick`` takes small tables."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "benchmarks", *session.posargs)
