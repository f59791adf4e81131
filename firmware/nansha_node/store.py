"""What a node keeps in flash: how often it has booted, and whether somebody asked for service."""

import os

PATH = "boot.txt"
_NEW = "boot.new"
_SERVICE = "service.txt"


def next_boot_id(path=PATH, new=_NEW):
    """Count this boot and return (boot id, whether flash took it).

    Written beside the old one and renamed over it: a brown-out in between leaves one of the two. If
    flash fails, a random number stands in, so that commands of an earlier boot stay worthless.
    """
    boot_id = 0
    kept = True
    try:
        with open(path) as f:
            boot_id = int(f.read())
    except (OSError, ValueError):
        boot_id = int.from_bytes(os.urandom(3), "little") << 4  # first boot, or an unreadable one
    boot_id = (boot_id + 1) & 0x3FFFFFFF
    try:
        with open(new, "w") as f:
            f.write(str(boot_id))
        os.rename(new, path)
    except OSError:
        kept = False
        boot_id = int.from_bytes(os.urandom(4), "little") & 0x3FFFFFFF
    return boot_id, kept


def ask_for_service(path=_SERVICE):
    """Leave word for the next boot that somebody wants the prompt."""
    try:
        with open(path, "w") as f:
            f.write("1")
    except OSError:
        pass  # then the node just starts again


def service_asked_for(path=_SERVICE):
    """Whether the last boot left word; it is good for one boot."""
    try:
        os.remove(path)
    except OSError:
        return False
    return True
