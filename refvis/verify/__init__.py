"""Verify another implementation: whether it agrees with the definitions here, where it differs, and why.

`layer` holds a function to a layer, a rule or a formula; `network` what was computed for a network to that network.
"""

from refvis.verify.case import Case
from refvis.verify.kind import FLAGS, Answer, Kind
from refvis.verify.kinds import find, kinds
from refvis.verify.layer import layer
from refvis.verify.networks.report import NetworkReport
from refvis.verify.networks.verification import network
from refvis.verify.report import VERDICTS, PartReport, Report
from refvis.verify.vectors.case_file import network_case, read_case, write_case
from refvis.verify.vectors.documents import document

__all__ = [
    "FLAGS",
    "VERDICTS",
    "Answer",
    "Case",
    "Kind",
    "NetworkReport",
    "PartReport",
    "Report",
    "document",
    "find",
    "kinds",
    "layer",
    "network",
    "network_case",
    "read_case",
    "write_case",
]
