"""What the core refuses, in words that say how to mend it."""


def _where(index: int | None, name: str | None) -> str:
    if index is None:
        return ""
    return f"device {index}: " if name is None else f"device {index} ({name}): "


class ProblemError(ValueError):
    """A problem the core will not take; nothing was changed.

    `field` is the argument, `value` what it was, `mend` what to give instead; `index` and `name`
    say which device, None where the fault is not one device's.
    """

    def __init__(
        self,
        field: str,
        value: object,
        mend: str,
        index: int | None = None,
        name: str | None = None,
    ) -> None:
        """Keep the parts; the message is made from them."""
        super().__init__(field, value, mend, index, name)
        self.field = field
        self.value = value
        self.mend = mend
        self.index = index
        self.name = name

    def __str__(self) -> str:
        """Where, what, and how to mend it."""
        value = self.value if isinstance(self.value, str) else repr(self.value)
        return f"{_where(self.index, self.name)}{self.field} = {value}: {self.mend}"


class CertificateError(Exception):
    """An answer that did not pass verification; it must not be sent.

    `wrong` says what is wrong; `index` and `name` say at which device, None for the whole site.
    """

    def __init__(self, wrong: str, index: int | None = None, name: str | None = None) -> None:
        """Keep the parts; the message is made from them."""
        super().__init__(wrong, index, name)
        self.wrong = wrong
        self.index = index
        self.name = name

    def __str__(self) -> str:
        """Where and what."""
        return f"{_where(self.index, self.name)}{self.wrong}"
