"""The rule sets, in the order in which their options are listed.

Choices:
- A new rule set is a file in this folder, and a line here.
- Rules are applied in the order in which `--filters.rules` names their sets.
"""

from lmkit.filters.rule_set import RuleSet
from lmkit.filters.rule_sets.basic import BasicRules
from lmkit.filters.rule_sets.c4 import C4Rules
from lmkit.filters.rule_sets.classifier import ClassifierRules
from lmkit.filters.rule_sets.code_shape import SourceCodeRules
from lmkit.filters.rule_sets.fineweb import FineWebRules
from lmkit.filters.rule_sets.gopher import GopherRules
from lmkit.filters.rule_sets.markup import MarkupRules
from lmkit.filters.rule_sets.profanity import ProfanityRules
from lmkit.filters.rule_sets.url import UrlRules

RULE_SETS: tuple[type[RuleSet], ...] = (
    BasicRules,
    GopherRules,
    C4Rules,
    FineWebRules,
    ClassifierRules,
    MarkupRules,
    SourceCodeRules,
    ProfanityRules,
    UrlRules,
)
