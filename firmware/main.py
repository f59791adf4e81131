"""What a board runs after boot."""

import nansha_node.boot  # noqa: F401  importing it runs the node
