"""What is frozen into an image: `make -C ports/rp2 FROZEN_MANIFEST=…/firmware/manifest.py`.

The port's own modules and asyncio come along, drivers for sensors that no node has do not.
"""

freeze("$(PORT_DIR)/modules")  # noqa: F821
include("$(MPY_DIR)/extmod/asyncio")  # noqa: F821
package("nansha_wire")  # noqa: F821
package("nansha_node")  # noqa: F821
module("main.py")  # noqa: F821
