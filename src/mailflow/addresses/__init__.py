"""E-mail addresses: what may be mailed (syntax), and what is remarkable about one (flags, mistypes). Pure.

Nothing is looked up on the network. Addresses that get nothing at all: store/suppressions.
"""

from mailflow.addresses.flags import Flags, flags
from mailflow.addresses.syntax import MAX_LOCAL, Address, normalise

__all__ = ["MAX_LOCAL", "Address", "Flags", "flags", "normalise"]
