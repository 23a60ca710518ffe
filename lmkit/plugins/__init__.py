"""Readers, transforms and rule sets of users: what a plugin imports.

from lmkit.plugins import Document, Group, Plugin, Record, RuleSet

plugin = Plugin()

@plugin.transform("without-footers")
def without_footers(document: Document) -> Document | None: ...
"""

from lmkit.artifacts.document import Document
from lmkit.config import Group
from lmkit.filters.rule_set import Count, Fraction, Ratio, RuleSet
from lmkit.plugins.plugin import Plugin, Record

__all__ = ["Count", "Document", "Fraction", "Group", "Plugin", "Ratio", "Record", "RuleSet"]
