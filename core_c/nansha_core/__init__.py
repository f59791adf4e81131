"""The power-balance core: an exact solver, and a checker that shares nothing with it.

The slow exact oracle is `nansha_core.reference`; it is not imported here.
"""

from nansha_core.answer import Answer, Hold, Reason
from nansha_core.balance import Balance
from nansha_core.batch import Batch
from nansha_core.errors import CertificateError, ProblemError
from nansha_core.problem import SITE, Problem, Tier, Tree, flat
from nansha_core.switch import State, Switch, genset, one_way, relay, zone
from nansha_core.switched_answer import SwitchedAnswer
from nansha_core.switches import Switched
from nansha_core.verify import Certificate, verify

__all__ = [
    "SITE",
    "Answer",
    "Balance",
    "Batch",
    "Certificate",
    "CertificateError",
    "Hold",
    "Problem",
    "ProblemError",
    "Reason",
    "State",
    "Switch",
    "Switched",
    "SwitchedAnswer",
    "Tier",
    "Tree",
    "flat",
    "genset",
    "one_way",
    "relay",
    "verify",
    "zone",
]
