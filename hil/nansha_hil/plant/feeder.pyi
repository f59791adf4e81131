from collections.abc import Sequence

from numpy import complex128, float64, int32
from numpy.typing import ArrayLike, NDArray

class Feeder:
    def __init__(
        self,
        parent: Sequence[int],
        z_ohm: ArrayLike,
        source_v: ArrayLike,
        load_buses: Sequence[int],
        *,
        nominal_v: float,
        zip_share: NDArray[float64] | None = None,
        tolerance_v: float = 1e-9,
    ) -> None: ...
    @property
    def load_buses(self) -> tuple[int, ...]: ...
    @property
    def buses(self) -> int: ...
    @property
    def phases(self) -> int: ...
    def step(self, s_va: ArrayLike) -> NDArray[complex128]: ...
    def run(self, s_va: ArrayLike, steps: int) -> int: ...
    @property
    def source_va(self) -> NDArray[complex128]: ...
    def batch(
        self, s_va: ArrayLike, out_v: NDArray[complex128] | None = None
    ) -> tuple[NDArray[complex128], NDArray[int32]]: ...
