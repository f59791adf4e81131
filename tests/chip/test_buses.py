"""USB and I2C of the chip."""

from __future__ import annotations

import pytest


def test_usb_prompt_answers(tmp_path, firmware):
    """On an image without our firmware: MicroPython as it is, at its prompt."""
    from nansha_hil.chip import flash
    from nansha_hil.chip.build import build
    from nansha_hil.chip.rp2040 import Chip

    if firmware.frozen is None:
        pytest.skip("the image is given, not built")
    (tmp_path / "manifest.py").write_text('freeze("$(PORT_DIR)/modules")\n')
    memory = bytearray(b"\xff" * flash.SIZE)
    code = build(tmp_path).image()
    memory[: len(code)] = code
    memory[flash.FS_START :] = flash.pack({})
    chip = Chip(bytes(memory), usb=True)
    chip.run_for_us(100_000)
    assert chip.usb.connected, "a computer has enumerated it"
    chip.usb.write(b"print(6 * 7, 'x' * 100)\r\n")
    chip.run_for_us(100_000)
    assert b"42 " + b"x" * 100 in chip.usb.read()
    asleep_from = chip.busy_cycles
    chip.run_for_us(100_000)
    assert chip.busy_cycles - asleep_from < 0.2 * 12_500_000, "an idle prompt sleeps"


@pytest.mark.parametrize(("v_v", "i_a"), [(0.0, 0.0), (12.5, 1.25), (26.0, -3.0)])
def test_i2c_devices_are_read(bare, v_v, i_a):
    from nansha_hil.chip.i2c import Ads1115, Bus, Ina219

    chip = bare(
        "from machine import I2C, Pin, UART\nimport struct\n"
        "u = UART(0, 115200, tx=Pin(0), rx=Pin(1))\n"
        "i = I2C(0, sda=Pin(4), scl=Pin(5), freq=400000)\n"
        "rd = lambda a, r: struct.unpack('>h', i.readfrom_mem(a, r, 2))[0]\n"
        "out = [(rd(0x40, 2) & 0xFFFF) >> 3, rd(0x40, 1)]\n"
        "for ch in range(4):\n"
        "    i.writeto_mem(0x48, 1, struct.pack('>H', 0xC283 | ch << 12))\n"
        "    out.append(rd(0x48, 0))\n"
        "try: i.readfrom(0x50, 1)\n"
        "except OSError: out.append('nobody')\n"
        "u.write(' '.join(str(x) for x in out))\n"
        "while True: pass\n"
    )
    ina, ads = Ina219(), Ads1115()
    ina.v_v, ina.i_a = v_v, i_a
    ads.inputs_v[:] = [0.1, 1.0, 2.0, 3.3]
    Bus(chip, 0, {0x40: ina, 0x48: ads})
    chip.run_for_us(80_000)
    said = bytes(byte for _, byte in chip.uarts[0].sent).decode().split()
    assert said[:2] == [str(round(v_v / 0.004)), str(round(i_a * 0.1 / 10e-6))]
    assert [int(x) for x in said[2:6]] == [round(v / 4.096 * 32768) for v in ads.inputs_v]
    assert said[6:] == ["nobody"]
