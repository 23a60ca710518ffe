"""The bash script that completes lmkit's commands, options and values.

Choices:
- The script holds all names, so that a TAB costs no start of Python (0.3 s). A new version of lmkit
  prints another script.
- It needs no other script: neither bash-completion nor its functions.
- Where it knows no names, bash completes the names of files, as it does by default.
- Of an option that takes several names, `a,b`, the last one is completed.
"""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

ALWAYS = ("--help", "--config", "--json", "--debug")
TOP_LEVEL = ("help", "version", "--help", "--version")

BODY = """\
_lmkit() {
    local current=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD-1]} names=
    local command=${COMP_WORDS[1]} list=
    # bash splits --option=value at the sign.
    if [[ $current == = ]]; then
        current=
    elif [[ $option == = ]]; then
        option=${COMP_WORDS[COMP_CWORD-2]}
    fi
    COMPREPLY=()
    if (( COMP_CWORD == 1 )) || [[ $command == help ]]; then
        COMPREPLY=($(compgen -W "$_lmkit_commands" -- "$current"))
        return
    fi
    case "$command $option" in
@values@
    esac
    if [[ -z $names && $current == -* ]]; then
        case $command in
@options@
        esac
    fi
    if [[ $list == several && $current == *,* ]]; then
        names=$(compgen -P "${current%,*}," -W "$names" -- "${current##*,}")
    fi
    COMPREPLY=($(compgen -W "$names" -- "$current"))
}
complete -o default -F _lmkit lmkit
"""


@dataclass(frozen=True)
class Completed:
    """An option, as far as completion knows it."""

    flags: Sequence[str]
    """The flags that set it; none for what is typed without a flag."""
    names: Sequence[str] = ()
    """The names that it takes; none where it takes anything."""
    several: bool = False
    """Whether it takes several of them, with commas between."""


def bash_script(commands: Mapping[str, Sequence[Completed]]) -> str:
    """Return the script for commands with these options."""
    values = [line for name, found in commands.items() for line in _values(name, found)]
    options = [
        f"        {name}) names={shlex.quote(' '.join(_flags(found)))} ;;"
        for name, found in commands.items()
    ]
    body = BODY.replace("@values@", "\n".join(values)).replace("@options@", "\n".join(options))
    return f"_lmkit_commands={shlex.quote(' '.join([*commands, *TOP_LEVEL]))}\n{body}"


def _values(command: str, found: Iterable[Completed]) -> Iterator[str]:
    """Yield a line for each option with names, and for what is typed first, without a flag."""
    for option in found:
        if option.names:
            typed = option.flags[:1] or (command,)
            several = " list=several" if option.several else ""
            names = shlex.quote(" ".join(option.names))
            yield f'        "{command} {typed[0]}") names={names}{several} ;;'


def _flags(found: Iterable[Completed]) -> list[str]:
    return [*(flag for option in found for flag in option.flags), *ALWAYS]
