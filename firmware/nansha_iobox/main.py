"""What the box's board runs after boot: frozen as its main.py."""

import nansha_iobox.boot  # noqa: F401  importing it runs the box
