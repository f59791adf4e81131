"""The power-balance core: an exact solver, and a checker that shares nothing with it.

The slow exact oracle is `nansha_core.reference`; it is not imported here.
"""

from nansha_core.answer import AnswerLike, Reason
from nansha_core.balance import Answer, Balance
from nansha_core.errors import CertificateError, ProblemError
from nansha_core.verify import Certificate, verify

__all__ = [
    "Answer",
    "AnswerLike",
    "Balance",
    "Certificate",
    "CertificateError",
    "ProblemError",
    "Reason",
    "verify",
]
