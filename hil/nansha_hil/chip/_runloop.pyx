# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Run an emulated RP2040 to an instant of its own time.

It is compiled beside the emulator's core, into its package, since it reads that core's fields. No
wall clock and no event loop: the same calls give the same states, on every machine.
"""

from rp2040py.native._cortex_m0_core cimport (
    DISPATCH_TABLE,
    CortexM0Core,
    OpHandler,
    resolve_wide,
)
from rp2040py.native._pio cimport RPPIO
from rp2040py.native._rp2040 cimport RP2040
from rp2040py.native._simulation_clock cimport SimulationClock

cdef double CYCLE_NS = 8.0  # 125 MHz, the clock that the emulator assumes

REACHED = 0
STOPPED = 1
ASLEEP = 2


cdef class Control:
    """What may end a run early: `stop`, set by a callback. `halted`: the core stands, time goes."""

    cdef public bint stop
    cdef public bint halted


def next_alarm_ns(SimulationClock clock):
    """When the next peripheral has something to do, ns; -1 if none has."""
    return clock._next_alarm.nanos if clock._next_alarm is not None else -1.0


def run(RP2040 rp2040, Control control, double until_ns, bint awake_only):
    """Advance to `until_ns`; the reason it ended.

    REACHED, or STOPPED after the instruction or alarm in which a callback set `control.stop`, or,
    if `awake_only`, ASLEEP as soon as the core sleeps.
    """
    cdef CortexM0Core core = rp2040.core
    cdef SimulationClock clock = rp2040.clock
    cdef RPPIO pio0 = rp2040.pio[0]
    cdef RPPIO pio1 = rp2040.pio[1]
    cdef unsigned char* flash = &rp2040._flash[0]
    cdef unsigned char* sram = &rp2040._sram[0]
    cdef unsigned int flash_size = rp2040.flash_byte_size
    cdef unsigned int sram_size = rp2040.ram_byte_size
    cdef unsigned int pc, opcode, opcode2
    cdef OpHandler handler
    cdef double now, then
    cdef long long cycles
    control.stop = False
    while clock._nanos_counter < until_ns:
        if core.waiting or control.halted:
            if awake_only and not control.halted:
                return ASLEEP
            now = clock._nanos_counter
            then = until_ns
            if clock._next_alarm is not None and clock._next_alarm.nanos < then:
                then = clock._next_alarm.nanos
            if then < now:
                then = now
            clock.tick(then - now)
            cycles = <long long>((then - now) / CYCLE_NS)
            if cycles < 1:
                cycles = 1
        else:
            if core.interrupts_updated and core.check_for_interrupts():
                core.waiting = False
            pc = core.registers[15] & 0xFFFFFFFEU
            if pc - 0x10000000U < flash_size:
                opcode = (<unsigned short*>(flash + (pc - 0x10000000U)))[0]
            elif pc - 0x20000000U < sram_size:
                opcode = (<unsigned short*>(sram + (pc - 0x20000000U)))[0]
            else:
                opcode = rp2040.read_uint16(pc)
            core.registers[15] = (core.registers[15] + 2) & 0xFFFFFFFFU
            if 0xF000 <= opcode < 0xF800:
                opcode2 = rp2040.read_uint16(pc + 2)
                handler = resolve_wide(opcode, opcode2)
            else:
                opcode2 = 0
                handler = DISPATCH_TABLE[opcode]
            if handler == NULL:
                raise RuntimeError(f"no such instruction: {opcode:#06x} at {pc:#010x}")
            cycles = handler(core, opcode, opcode2, pc)
            core.cycles += cycles
            now = clock._nanos_counter + cycles * CYCLE_NS
            if clock._next_alarm is not None and clock._next_alarm.nanos <= now:
                clock.tick(cycles * CYCLE_NS)
            else:
                clock._nanos_counter = now
        if not pio0.stopped:
            pio0.advance(cycles)
        if not pio1.stopped:
            pio1.advance(cycles)
        if control.stop:
            return STOPPED
    return REACHED
