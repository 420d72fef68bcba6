"""What git finds in its environment: nothing that leads it elsewhere, nobody to ask, and the repository's credentials.

Owns these variables, for the scheduler's git and, as far as a robot needs them, for the robot's. Runs nothing.

Credentials are handed to git through variables, because git would show them in the argument lists of its helpers and
write them into files. They are bound to scheme, host and port of the repository's own address, a robot's to its path
as well: git asks for the host it has been redirected to, and that one gets nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from OpenOrchestrator.common.repository_address import RepositoryAddress

MARK_VARIABLE = "OPENORCHESTRATOR_GIT"
"""Environment variable that marks git processes with the cache they work on, so that orphans can be found."""

USER_VARIABLE = "OPENORCHESTRATOR_GIT_USER"
PASSWORD_VARIABLE = "OPENORCHESTRATOR_GIT_PASSWORD"  # noqa: S105  (the name of a variable)

PROTOCOLS = "https:http:ssh:git:file"
"""What git may talk. Any other word before ``://`` or ``::`` would run a program of that name from the PATH."""

_CREDENTIAL_HELPER = (
    f'!f() {{ test "$1" = get && printf "username=%s\\npassword=%s\\n" "${USER_VARIABLE}" "${PASSWORD_VARIABLE}"; }}; f'
)
_SSH = "ssh -oBatchMode=yes -oConnectTimeout=15 -oServerAliveInterval=15"
# The operator's own: how servers are reached, which files of settings count, what git tells.
_KEPT = (
    "GIT_SSH", "GIT_SSL_", "GIT_HTTP_", "GIT_PROXY_", "GIT_TRACE", "GIT_CURL_", "GIT_LFS_",
    "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_TR2_",
)  # fmt: skip


def environment_of_git(inherited: Mapping[str, str], address: RepositoryAddress, mark: str) -> dict[str, str]:
    """Return the whole environment of a git command of the scheduler.

    Args:
        inherited: The scheduler's environment.
        address: The repository.
        mark: Value of MARK_VARIABLE.
    """
    env = {name: value for name, value in inherited.items() if _is_kept(name.upper())}
    env |= {
        MARK_VARIABLE: mark,
        # git's messages are read for signs of damage.
        "LANGUAGE": "C",
        "LC_ALL": "C",
        "GIT_ALLOW_PROTOCOL": PROTOCOLS,
        "GIT_TERMINAL_PROMPT": "0",
        "GCM_INTERACTIVE": "never",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS": "",
        "SSH_ASKPASS_REQUIRE": "never",
    }
    if not {"GIT_SSH", "GIT_SSH_COMMAND"} & env.keys():
        # A setting for ssh chosen by the operator stays; it may not even be OpenSSH.
        env["GIT_SSH_COMMAND"] = _SSH
    return env | _access(address, address.origin)


def access_variables(address: RepositoryAddress) -> dict[str, str]:
    """Return the variables with which a robot's git reaches its repository by its plain address; none if it needs none.

    They are for this repository alone: what the account knows of others on the same server goes on to count.
    """
    return _access(address, address.plain)


def _access(address: RepositoryAddress, place: str | None) -> dict[str, str]:
    settings: list[tuple[str, str]] = []
    variables: dict[str, str] = {}
    if address.credentials is not None:
        user, password = address.credentials
        section = f"credential.{place}"
        if password is None:
            # Whoever keeps passwords on this machine is asked first: the user alone is often only a name.
            settings.append((f"{section}.username", user))
        else:
            # An empty helper removes those of the machine, which may know another user of the same server.
            settings.append((f"{section}.helper", ""))
        settings.append((f"{section}.helper", _CREDENTIAL_HELPER))
        variables = {USER_VARIABLE: user, PASSWORD_VARIABLE: password or ""}
    if address.with_query != address.plain:
        settings.append((f"url.{address.with_query}.insteadOf", address.plain))
    if not settings:
        return {}
    variables["GIT_CONFIG_COUNT"] = str(len(settings))
    for number, (name, value) in enumerate(settings):
        variables |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


def _is_kept(name: str) -> bool:
    return not name.startswith(("GIT_", "OPENORCHESTRATOR")) or name.startswith(_KEPT)
