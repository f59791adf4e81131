"""What is frozen into the I/O box's image: `python -m nansha_hil.chip.build --iobox`."""

freeze("$(PORT_DIR)/modules")  # noqa: F821
package("nansha_wire")  # noqa: F821
package("nansha_iobox")  # noqa: F821
module("main.py", base_path="nansha_iobox")  # noqa: F821
