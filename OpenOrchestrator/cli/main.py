"""The command line: one subcommand per program, and one place where errors become a line of text.

Owns the names of the commands and how errors are shown. Each command imports what it needs when it is called, so that
``--help`` and ``--version`` answer at once; this module must import nothing heavy.
"""

from __future__ import annotations

import io
import itertools
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from OpenOrchestrator.cli import (
    cordon,
    demo,
    env,
    key,
    orchestrator,
    pause,
    purge,
    queues,
    robot,
    run,
    scheduler,
    site_files,
    terminal,
    upgrade,
    version,
    why,
)
from OpenOrchestrator.common.errors import ConfigurationError, OpenOrchestratorError
from OpenOrchestrator.common.visible import visible_line, visible_lines

_DASH_FORMS = {"-o": "orchestrator", "-s": "scheduler", "-u": "upgrade"}
"""How version 1 named its commands; services and scheduled tasks in use still do."""

INTERRUPTED = 130
"""Exit status after Ctrl+C, as shells give it."""

_NOT_TEXT = (
    "An argument, a setting or a file name holds characters that this locale does not know. Write them in UTF-8, and "
    "set LC_ALL=C.UTF-8 (and not PYTHONUTF8=0)."
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    Args:
        arguments: What follows the program's name; those of this process if None.

    Raises:
        SystemExit: Always: 0 for success, 1 for an error that is described on standard error, 2 for wrong usage, or
            the status the command documents.
    """
    terminal.complete_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in _DASH_FORMS:
        words[0] = _DASH_FORMS[words[0]]
    try:
        _require_current_folder()
        status = application()(args=words, prog_name="openorchestrator", standalone_mode=False)
    except OpenOrchestratorError as error:
        _complain(visible_line(f"Error: {error}"), words)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except UnicodeEncodeError as error:
        if error.reason != "surrogates not allowed" and _file_names_are_utf8():
            _complain(traceback.format_exc(), words)
        else:
            _complain(f"Error: {_NOT_TEXT}", words)
        raise SystemExit(1) from None
    except typer.Abort:
        _complain("Aborted!", words)
        raise SystemExit(1) from None
    except Exception as error:  # noqa: BLE001  (shown, but never with secrets)
        usage = _usage_error(error)
        _complain(traceback.format_exc() if usage is None else usage[0], words)
        raise SystemExit(1 if usage is None else usage[1]) from None
    raise SystemExit(status if isinstance(status, int) else 0)


def _file_names_are_utf8() -> bool:
    return sys.getfilesystemencoding().lower() in ("utf-8", "utf8")


def application() -> typer.Typer:
    """Return the application with all its commands."""
    app = typer.Typer(
        name="openorchestrator",
        help="Orchestrates Python robots: triggers, jobs, logs, constants, credentials and queues in one database.",
        no_args_is_help=True,
        invoke_without_command=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for command in (
        orchestrator,
        scheduler,
        run,
        robot,
        why,
        pause,
        cordon,
        queues,
        purge,
        env,
        site_files,
        upgrade,
        key,
        demo,
    ):
        command.register(app)
    return app


def _require_current_folder() -> None:
    try:
        Path.cwd()
    except OSError as error:
        raise ConfigurationError(
            f"The current folder does not exist any more or cannot be used: {error.strerror}. Start in another folder."
        ) from error


def _options(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
    connection: Annotated[
        str | None,
        typer.Option(
            "--connection",
            metavar="URL",
            help="With --version: show of which revision this database is, too, and what its site is called.",
        ),
    ] = None,
) -> None:
    """Orchestrates Python robots: triggers, jobs, logs, constants, credentials and queues in one database."""
    if show_version:
        version.show(connection)
        raise typer.Exit
    if connection is not None:
        raise typer.BadParameter("goes with --version only", param_hint="--connection")
    if context.invoked_subcommand is None:
        context.fail("Missing command.")


def _usage_error(error: Exception) -> tuple[str, int] | None:
    """Return what the library of the command line says about wrong usage, and its exit status.

    Such errors repeat arguments. Their class is known by what it can do: typer brings its own copy of it.
    """
    show, status = getattr(error, "show", None), getattr(error, "exit_code", None)
    if not callable(show) or not isinstance(status, int):
        return None
    text = io.StringIO()
    show(file=text)
    return text.getvalue(), status


def _complain(message: str, words: Sequence[str]) -> None:
    """Write an error without any secret this process knows of: from its arguments, environment or ``.env``."""
    from OpenOrchestrator.common.redaction import redact  # noqa: PLC0415
    from OpenOrchestrator.common.settings import secrets_to_hide  # noqa: PLC0415

    secrets: list[str] = []
    for connection_string, key_text in (_settings_in_use(), *_given(words)):
        secrets += secrets_to_hide(connection_string, key_text)
    with suppress(OSError):  # nobody reads it; the exit status still says it
        sys.stderr.write(visible_lines(redact(message, secrets)).rstrip("\n") + "\n")


def _given(words: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Yield connection strings and keys among the arguments, wherever they stand."""
    from OpenOrchestrator.common import crypto_util  # noqa: PLC0415

    for before, word in itertools.pairwise(["", *words]):
        option, _, value = word.partition("=")
        if before in ("--key", "-k") or crypto_util.validate_key(word):
            yield "", word
        elif option == "--key":
            yield "", value
        elif word.startswith("-k"):
            yield "", word.removeprefix("-k").removeprefix("=")
        elif option in ("--connection-string", "--connection"):
            yield value, None
        elif word.startswith("-c"):
            yield word.removeprefix("-c").removeprefix("="), None
        else:
            yield word, None  # no secret unless it holds a password, as URL or as ODBC string


def _settings_in_use() -> tuple[str, str | None]:
    from OpenOrchestrator.common.secret_markers import CONNECTION_STRING_VARIABLE, KEY_VARIABLE  # noqa: PLC0415

    try:
        from OpenOrchestrator.common.settings import load_settings  # noqa: PLC0415

        settings = load_settings()
    except OpenOrchestratorError:
        # A malformed setting must not hide the error that is to be shown.
        return os.environ.get(CONNECTION_STRING_VARIABLE, ""), os.environ.get(KEY_VARIABLE)
    connection_string = settings.connection_string
    return (
        "" if connection_string is None else connection_string.get_secret_value(),
        None if settings.key is None else settings.key.get_secret_value(),
    )
