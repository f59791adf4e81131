"""What is frozen into an image: `make -C ports/rp2 FROZEN_MANIFEST=…/firmware/manifest.py`."""

include("$(PORT_DIR)/boards/manifest.py")  # noqa: F821
package("nansha_wire")  # noqa: F821
package("nansha_node")  # noqa: F821
module("main.py")  # noqa: F821
