"""Errors of plugins: which plugin failed, on which document.

Choices:
- A plugin that raises stops the run: dropping or keeping a document that it should have judged
  would change the data in silence. Finished tasks are kept.
- A rule set judges many documents at once. Where it fails, it is called for one after another, and
  the first on which it fails is named.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from lmkit.artifacts.document import Document
from lmkit.errors import PluginError
from lmkit.filters.rule_set import RuleSet, Signals

ItemT = TypeVar("ItemT")
SHOWN = 60


def transformed(
    function: Callable[..., Any], document: Document, options: Sequence[Any], plugin: str, name: str
) -> Document | None:
    """Call a transform, and name plugin and document where it fails."""
    try:
        found = function(document, *options)
        if found is not None and not isinstance(found, Document):
            raise TypeError(f"returned {type(found).__name__}, must return a Document or None")
    except (MemoryError, PluginError):
        raise
    except Exception as error:
        raise PluginError.of(plugin, f"transform {name}", shown(document), error) from error
    return found


def guarded(rule_set: type[RuleSet], plugin: str) -> type[RuleSet]:
    """Return a rule set that names plugin and document where it fails."""
    guard = type(rule_set.__name__, (_Guard, rule_set), {"plugin": plugin})
    guard.__doc__ = rule_set.__doc__
    return cast(type[RuleSet], guard)


class _Guard(RuleSet):
    plugin: str

    def of_documents(self, documents: Sequence[Document]) -> Signals:
        self._documents = documents
        return self._call(super().of_documents, documents, shown)

    def of_texts(self, texts: Sequence[str]) -> Signals:
        return self._call(super().of_texts, texts, self._document_of)

    def _call(
        self,
        function: Callable[[Sequence[ItemT]], Signals],
        items: Sequence[ItemT],
        name_of: Callable[[ItemT], str],
    ) -> Signals:
        try:
            return function(items)
        except MemoryError:
            raise
        except Exception as error:
            where, cause = f"{len(items):,} documents at once", error
            for item in items:
                try:
                    function([item])
                except Exception as single:
                    where, cause = name_of(item), single
                    break
            name = f"rule set {(*self.names, self.group)[0]}"
            raise PluginError.of(self.plugin, name, where, cause) from cause

    def _document_of(self, text: str) -> str:
        found = (each for each in self._documents if each.text == text)
        document = next(found, None)
        return shown(document) if document else f"a text that begins {text[:SHOWN]!r}"


def shown(document: Document) -> str:
    """Return what identifies a document for a person."""
    origin, offset = document.metadata.get("origin"), document.metadata.get("offset")
    where = f" ({document.source}: {origin}, at byte {offset})" if origin is not None else ""
    return f"document {document.id}{where}"
