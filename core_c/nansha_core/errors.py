"""What the core refuses, in words that say how to mend it."""


def _where(index: int | None, name: str | None, what: str) -> str:
    if index is None:
        return ""
    return f"{what} {index}: " if name is None else f"{what} {index} ({name}): "


class ProblemError(ValueError):
    """A problem the core will not take; nothing was changed.

    `field` is the argument, `value` what it was, `mend` what to give instead; `index` and `name`
    say which device (or group: `what`), None where the fault is not one device's.
    """

    def __init__(
        self,
        field: str,
        value: object,
        mend: str,
        index: int | None = None,
        name: str | None = None,
        what: str = "device",
    ) -> None:
        """Keep the parts; the message is made from them."""
        super().__init__(field, value, mend, index, name, what)
        self.field = field
        self.value = value
        self.mend = mend
        self.index = index
        self.name = name
        self.what = what

    def __str__(self) -> str:
        """Where, what, and how to mend it."""
        value = self.value if isinstance(self.value, str) else repr(self.value)
        where = _where(self.index, self.name, self.what)
        return f"{where}{self.field} = {value}: {self.mend}"


class CertificateError(Exception):
    """An answer that did not pass verification; it must not be sent.

    `wrong` says what is wrong; `index` and `name` say at which device (or group: `what`), None for
    the whole site.
    """

    def __init__(
        self, wrong: str, index: int | None = None, name: str | None = None, what: str = "device"
    ) -> None:
        """Keep the parts; the message is made from them."""
        super().__init__(wrong, index, name, what)
        self.wrong = wrong
        self.index = index
        self.name = name
        self.what = what

    def __str__(self) -> str:
        """Where and what."""
        return f"{_where(self.index, self.name, self.what)}{self.wrong}"
