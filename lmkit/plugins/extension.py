"""The options of a command, with those of plugins.

Choices:
- Plugins add fields to subclasses of the options: nothing is changed for who doesn't name them, and
  flags, files, help and manifests need no other path.
- The manifest records name and hash of each plugin, as an option that nobody types.
- A worker gets the values and the plugins' locations and hashes, loads them by these, and makes the
  same class: code never travels.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

from pydantic import AfterValidator, create_model

from lmkit.config import CommandConfig, Group, OneOf
from lmkit.errors import ConfigError
from lmkit.filters.options import FilterOptions, with_rule_sets
from lmkit.plugins.failures import guarded
from lmkit.plugins.file_reader import PluginReader
from lmkit.plugins.loading import LoadedPlugin, load_plugin
from lmkit.readers.options import ReaderConfig
from lmkit.storage.registry import FORMATS, FileFormat

ConfigT = TypeVar("ConfigT", bound=CommandConfig)


def with_plugins(config: type[ConfigT], *locations: str | Path) -> type[ConfigT]:
    """Return the options of a command with those of plugins, which it will use.

        Config = lmkit.with_plugins(lmkit.CleanConfig, "my_rules.py")
        lmkit.clean(Config(inputs=(Path("raw"),), output=Path("work/clean")))

    Raises ConfigError if one can't be loaded, or if names collide.
    """
    if not config.takes_plugins:
        raise ConfigError(f"--plugin: {config.stage} takes no plugins")
    return _extended(config, [load_plugin(location) for location in locations])


def filters_with(plugins: Sequence[LoadedPlugin], base: type[FilterOptions]) -> type[FilterOptions]:
    """Return the options of the filters with the rule sets of plugins."""
    sets = [guarded(each, loaded.name) for loaded in plugins for each in loaded.plugin.rule_sets]
    taken = {name for each in base.rule_sets for name in (*each.names, each.group)}
    for each in sets:
        _refuse_taken("rule set", (*each.names, *([each.group] if each.group else [])), taken)
    return with_rule_sets(base, sets) if sets else base


def _extended(config: type[ConfigT], plugins: Sequence[LoadedPlugin]) -> type[ConfigT]:
    recorded = {loaded.name: loaded.sha256 for loaded in plugins}
    if len(recorded) < len(plugins):
        raise ConfigError("--plugin: two plugins have the same name; must have different ones")
    fields: dict[str, Any] = {}
    if "filters" in config.model_fields:
        fields = _fields_of_clean(config, plugins)
    fields["plugin"] = (Annotated[dict[str, str], AfterValidator(lambda _: recorded)], recorded)
    extended = create_model(
        config.__name__,
        __base__=config,
        __doc__=config.__doc__,
        __module__=config.__module__,
        **fields,
    )
    extended.plugins = tuple(plugins)
    extended.recorded_plugins = recorded
    extended.__reduce__ = _reduced(config)
    return extended


def _fields_of_clean(
    config: type[CommandConfig], plugins: Sequence[LoadedPlugin]
) -> dict[str, Any]:
    filters = filters_with(plugins, cast(Any, config.model_fields["filters"].annotation))
    reading = _reading_with(plugins)
    transforms = {
        transform.name.replace("-", "_"): transform
        for loaded in plugins
        for transform in loaded.plugin.transforms
    }
    if len(transforms) < sum(len(loaded.plugin.transforms) for loaded in plugins):
        raise ConfigError("--plugin: two transforms have the same name; must have different ones")
    groups = {name: each.options for name, each in transforms.items() if each.options}
    name: Any = Annotated[str, OneOf(tuple(each.name for each in (*FORMATS, *reading.added)))]
    fields: dict[str, Any] = {
        "format": (name | None, None),
        "read": (reading, reading()),
        "filters": (filters, filters()),
    }
    if groups:
        options: dict[str, Any] = {name: (each, each()) for name, each in groups.items()}
        group = create_model("TransformConfig", __base__=Group, **options)
        group.__doc__ = "Options of transforms."
        fields["transform"] = (group, group())
    return fields


def _reading_with(plugins: Sequence[LoadedPlugin]) -> type[ReaderConfig]:
    readers = [(loaded.name, each) for loaded in plugins for each in loaded.plugin.readers]
    taken = {*ReaderConfig.model_fields, *(each.name for each in FORMATS)}
    endings = {ending for each in FORMATS for ending in each.endings}
    for _, each in readers:
        _refuse_taken("reader", (each.name,), taken)
        _refuse_taken("ending", each.endings, endings)
    options: dict[str, Any] = {
        each.name.replace("-", "_"): (each.options, each.options())
        for _, each in readers
        if each.options
    }
    reading = create_model("ReaderConfig", __base__=ReaderConfig, **options)
    reading.__doc__ = ReaderConfig.__doc__
    reading.added = tuple(
        FileFormat(
            each.name,
            PluginReader(plugin, each.name, each.function, each.options is not None),
            each.endings,
        )
        for plugin, each in readers
    )
    return reading


def _refuse_taken(what: str, names: Sequence[str], taken: set[Any]) -> None:
    """Raise ConfigError if a name is another part's; add the names to those that are taken."""
    for name in dict.fromkeys(names):
        if name in taken:
            raise ConfigError(
                f"--plugin: the {what} {name} exists already", "a plugin adds; choose another name"
            )
        taken.add(name)


def _reduced(base: type[CommandConfig]) -> Any:
    """Return the method by which a worker process makes the same options."""

    def reduce(self: CommandConfig) -> tuple[Any, tuple[Any, ...]]:
        unrecorded = {
            name: getattr(self, name)
            for name, field in type(self).model_fields.items()
            if field.exclude
        }
        loaded = [(each.location, each.sha256) for each in self.plugins]
        return _restored, (base, loaded, self.model_dump() | unrecorded)

    return reduce


def _restored(
    base: type[CommandConfig], loaded: Sequence[tuple[str, str]], values: dict[str, Any]
) -> CommandConfig:
    plugins = [load_plugin(location, digest) for location, digest in loaded]
    return _class_for(base, tuple(plugins)).model_validate(values)


_CLASSES: dict[tuple[type[CommandConfig], tuple[tuple[str, str], ...]], type[CommandConfig]] = {}


def _class_for(base: type[CommandConfig], plugins: tuple[LoadedPlugin, ...]) -> type[CommandConfig]:
    """Return the class with these plugins, which a process makes once."""
    key = base, tuple((each.location, each.sha256) for each in plugins)
    if key not in _CLASSES:
        _CLASSES[key] = _extended(base, plugins)
    return _CLASSES[key]
