"""The base of every error that a person is meant to read."""


class NanshaError(Exception):
    """Something went wrong that a person can mend: what, where, and how to mend it."""

    def __init__(self, what: str, where: str = "", mend: str = "") -> None:
        """Keep the three parts and join them as `where: what; mend` on one line."""
        self.what, self.where, self.mend = what, where, mend
        text = (f"{where}: " if where else "") + what + (f"; {mend}" if mend else "")
        super().__init__(text)
