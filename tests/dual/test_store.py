"""The boot number: never the same twice, and flash that fails is survived."""

import os

from dual_kit import eq

from nansha_node.store import ask_for_service, next_boot_id, service_asked_for

# In the folder the tests run in, under a name that no other run has.
_NAME = "dual_boot_" + "".join(f"{b:02x}" for b in os.urandom(4))
_PATH, _NEW = _NAME + ".txt", _NAME + ".new"


def _clean():
    for path in (_PATH, _NEW):
        try:
            os.remove(path)
        except OSError:
            continue


def _write(text):
    with open(_PATH, "w") as f:
        f.write(text)


def test_word_of_service_is_good_for_one_boot():
    _clean()
    assert not service_asked_for(_PATH)
    ask_for_service(_PATH)
    assert service_asked_for(_PATH)
    assert not service_asked_for(_PATH)
    ask_for_service("no/such/folder/" + _PATH)  # flash that fails is survived


def test_it_counts():
    _clean()
    first, kept = next_boot_id(_PATH, _NEW)
    assert kept and 0 < first <= 0x3FFFFFFF
    eq(next_boot_id(_PATH, _NEW), (first + 1, True))
    eq(next_boot_id(_PATH, _NEW), (first + 2, True))
    _clean()


def test_it_wraps_within_31_bits():
    _write(str(0x3FFFFFFF))
    eq(next_boot_id(_PATH, _NEW), (0, True))
    _clean()


def test_rubbish_in_flash_is_a_new_start():
    for text in ("", "x", "12x", " ", "\x00\x00\x00", "1.5", "None"):
        _write(text)
        boot_id, kept = next_boot_id(_PATH, _NEW)
        assert kept and 0 <= boot_id <= 0x3FFFFFFF, text
        eq(next_boot_id(_PATH, _NEW)[0], (boot_id + 1) & 0x3FFFFFFF)
    for text in ("-5", "99999999999999"):
        _write(text)
        assert 0 <= next_boot_id(_PATH, _NEW)[0] <= 0x3FFFFFFF
    _clean()


def test_flash_that_takes_nothing():
    boots = []
    for _ in range(8):
        boot_id, kept = next_boot_id("no_such_folder/boot.txt", "no_such_folder/boot.new")
        assert not kept and 0 <= boot_id <= 0x3FFFFFFF
        boots.append(boot_id)
    eq(len(set(boots)), len(boots))


def test_a_leftover_of_a_brown_out_does_no_harm():
    _write("41")
    with open(_NEW, "w") as f:
        f.write("garbage")
    eq(next_boot_id(_PATH, _NEW), (42, True))
    _clean()
