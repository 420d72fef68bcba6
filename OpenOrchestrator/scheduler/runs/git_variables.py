"""Environment variables of git that say where it looks. Pure.

Owns which they are. A scheduler that was started from a hook, or by somebody who works in a repository, has some of
them; they would make git, ours or a robot's, read and write another repository than the one asked for.
"""

from __future__ import annotations

_WHERE = frozenset(
    {
        # What "git rev-parse --local-env-vars" prints: git itself drops them on its way to another repository.
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_CONFIG_PARAMETERS",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
        # And others that change what is found.
        "GIT_ATTR_SOURCE",
        "GIT_CEILING_DIRECTORIES",
        "GIT_DEFAULT_HASH",
        "GIT_DEFAULT_REF_FORMAT",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM",
        "GIT_EXEC_PATH",
        "GIT_EXTERNAL_DIFF",
        "GIT_NAMESPACE",
        "GIT_QUARANTINE_PATH",
        "GIT_REFERENCE_BACKEND",
        "GIT_TEMPLATE_DIR",
    }
)
# GIT_CONFIG_COUNT, GIT_CONFIG_KEY_0, ...: settings, which may name another work tree or another address.
_SETTINGS = ("GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_")


def says_where_git_looks(name: str) -> bool:
    """Whether an environment variable changes which repository, settings or programs git uses.

    The variables that name a whole file of settings (GIT_CONFIG_GLOBAL, GIT_CONFIG_SYSTEM, GIT_CONFIG_NOSYSTEM) are
    the machine's choice, as is the home folder, and do not count.
    """
    name = name.upper()
    return name in _WHERE or name.startswith(_SETTINGS)
