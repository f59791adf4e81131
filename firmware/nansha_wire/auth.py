"""Commands carry a tag: HMAC-SHA256 (RFC 2104), cut to 8 bytes, under a key of the node's own.

The tag covers the number of the node's boot beside the frame, so a command recorded before a reset
means nothing after it, although the node's counter began again.
"""

import hashlib
import struct

TAG_BYTES = 8
_BLOCK = 64


class Key:
    """A node's key, with the two padded blocks of HMAC made once."""

    def __init__(self, secret: bytes):
        if len(secret) < 16:
            raise ValueError("a key has at least 16 bytes")
        if len(secret) > _BLOCK:
            secret = hashlib.sha256(secret).digest()
        padded = secret + bytes(_BLOCK - len(secret))
        self._inner = bytes(b ^ 0x36 for b in padded)
        self._outer = bytes(b ^ 0x5C for b in padded)

    def digest(self, data: bytes) -> bytes:
        """HMAC-SHA256 of `data`, 32 bytes."""
        inner = hashlib.sha256(self._inner + data).digest()
        return hashlib.sha256(self._outer + inner).digest()

    def tag(self, boot_id: int, data: bytes) -> bytes:
        """The 8 bytes that vouch for `data` during boot `boot_id`."""
        return self.digest(struct.pack("<I", boot_id) + data)[:TAG_BYTES]

    def vouches(self, boot_id: int, data: bytes, tag: bytes) -> bool:
        """Whether `tag` is right; compared without an early exit, so timing tells nothing."""
        want = self.tag(boot_id, data)
        wrong = len(tag) ^ TAG_BYTES
        for a, b in zip(want, tag):  # noqa: B905  MicroPython's zip has no strict=
            wrong |= a ^ b
        return wrong == 0


def node_key(site_secret: bytes, node: int) -> bytes:
    """A node's own key out of the site's secret: one lost board does not open the others."""
    return Key(site_secret).digest(b"nansha node" + struct.pack("<H", node))
