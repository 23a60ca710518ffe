"""Every error that lmkit raises on purpose.

    LmkitError            1    the work failed
    ├── RequestError      2    the request can't work, and nothing was started
    │   ├── ConfigError        an option is missing, unknown or out of range
    │   ├── InputError         something to read is missing, empty or of the wrong kind
    │   └── OutputError        the output folder is foreign, busy, or was made otherwise
    ├── PluginError       1    a plugin's code failed
    └── Interrupted     130    a person or a scheduler stopped it

Choices:
- An error has a message (what was typed, and what was expected) and a hint (what to do about it).
  The command line prints both and no traceback; anything that is not an LmkitError is a bug and
  keeps its traceback.
- Exit code 2 is for whatever can be known before work starts, 1 for failure during work.
"""


class LmkitError(Exception):
    """Something a person can understand and put right."""

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        # Both go to `args`, or the hint is lost when a worker process pickles the error.
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class RequestError(LmkitError):
    """The request can't work; nothing was started."""

    exit_code = 2


class ConfigError(RequestError):
    """An option is missing, unknown or out of range."""


class InputError(RequestError):
    """Something to read is missing, empty or of the wrong kind."""


class OutputError(RequestError):
    """The output folder is foreign, busy, or was made otherwise."""


class Interrupted(LmkitError):  # noqa: N818 (InterruptedError is Python's)
    """A person pressed Ctrl-C, or a scheduler asked for an end."""

    exit_code = 130  # as Typer and every shell have it


class PluginError(LmkitError):
    """A plugin's code raised, or returned what it must not."""

    @classmethod
    def of(cls, plugin: str, part: str, where: str, error: Exception) -> "PluginError":
        """Return the error of a part of a plugin that failed somewhere."""
        return cls(
            f"plugin {plugin}: {part} failed on {where}: {type(error).__name__}: {error}",
            "finished tasks are kept, --debug shows where it failed; an edited plugin is another "
            "one, and needs --overwrite or another --output",
        )
