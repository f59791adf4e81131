"""The solvers we are measured against, each used as its makers advise for a moving demand.

All keep their workspace and are told the new demand alone. Each `step` leaves the powers inside the
solver; taking them out is not timed, except where the solver's own call does it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import clarabel
import daqp
import highspy
import numpy as np
import osqp
import piqp
from instances import CABINETS, FEEDERS, Array, Instance
from scipy import sparse


class Rival:
    """A solver with a problem in it. One that can stops a solve after `limit_s`, if given."""

    name: ClassVar[str]
    package: ClassVar[str]
    largest_n: ClassVar[int] = 10**9
    """Beyond this its matrices do not fit; only where they are dense."""

    def __init__(self, site: Instance, limit_s: float | None = None) -> None:
        raise NotImplementedError

    def step(self, demand: float) -> None:
        """Solve for another demand."""
        raise NotImplementedError

    def powers(self) -> Array:
        """Give what the last step found; RuntimeError if it found nothing."""
        raise NotImplementedError

    def _check(self, good: bool, status: object) -> None:
        if not good:
            raise RuntimeError(f"{self.name} ended with {status}")


class OsqpDefault(Rival):
    """OSQP at its own tolerances: set up once, bounds updated, warm start.

    Its step size stays as it is: adapting it from call to call made some walks ten times slower
    and none faster.
    """

    name = "OSQP default"
    package = "osqp"
    settings: ClassVar[dict[str, Any]] = {"adaptive_rho": False}

    def __init__(self, site: Instance, limit_s: float | None = None) -> None:
        assert site.groups is None
        limit = {} if limit_s is None else {"time_limit": limit_s}
        one_row = sparse.csc_matrix(np.ones((1, site.n)))
        rows = sparse.vstack([one_row, sparse.eye(site.n)], format="csc")
        self._lower = np.concatenate([[site.demand], site.lo])
        self._upper = np.concatenate([[site.demand], site.hi])
        self._solver = osqp.OSQP()
        self._solver.setup(
            sparse.diags(site.a, format="csc"),
            site.b,
            rows,
            self._lower,
            self._upper,
            verbose=False,
            warm_starting=True,
            **self.settings,
            **limit,
        )

    def step(self, demand: float) -> None:
        self._lower[0] = self._upper[0] = demand
        self._solver.update(l=self._lower, u=self._upper)
        self._result = self._solver.solve(raise_error=False)

    def powers(self) -> Array:
        self._check(self._result.info.status == "solved", self._result.info.status)
        return np.array(self._result.x)


class OsqpPolish(OsqpDefault):
    """OSQP to 1e-9 and polished: the one of the two whose answers can be used as they are."""

    name = "OSQP 1e-9 + polish"
    settings: ClassVar[dict[str, Any]] = {
        "eps_abs": 1e-9,
        "eps_rel": 1e-9,
        "polishing": True,
        "max_iter": 100_000,
    }


class _Sparse:
    """The problem for interior point solvers: equalities E x = e and bounds on x.

    Groups become variables of their own, the sums of cabinets and feeders. That leaves E with one
    entry a row, and both solvers are a quarter faster than with three.
    """

    def __init__(self, site: Instance) -> None:
        self.q, self.lower, self.upper = site.b, site.lo, site.hi
        hessian = site.a
        if site.groups is None:
            self.e = np.array([site.demand])
            self.equal = sparse.csc_matrix(np.ones((1, site.n)))
        else:
            extra = np.zeros(FEEDERS + CABINETS)
            hessian, self.q = np.concatenate([site.a, extra]), np.concatenate([site.b, extra])
            self.lower = np.concatenate([site.lo, site.groups.cap_lo])
            self.upper = np.concatenate([site.hi, site.groups.cap_hi])
            self.e = np.concatenate([[site.demand], extra])
            ones, at = np.ones(site.n), np.arange(site.n)
            into_cabinet = sparse.csc_matrix((ones, (site.groups.cabinet, at)))
            into_feeder = sparse.kron(sparse.eye(FEEDERS), np.ones((1, CABINETS // FEEDERS)))
            self.equal = sparse.bmat(
                [
                    [None, np.ones((1, FEEDERS)), None],
                    [None, -sparse.eye(FEEDERS), into_feeder],
                    [into_cabinet, None, -sparse.eye(CABINETS)],
                ],
                format="csc",
            )
        self.hessian = sparse.diags(hessian, format="csc")


class Clarabel(Rival):
    """Clarabel: an interior point solver, its data updated; it has no warm start."""

    name = "Clarabel"
    package = "clarabel"

    def __init__(self, site: Instance, limit_s: float | None = None) -> None:
        self._n = site.n
        form = _Sparse(site)
        unit = sparse.eye(len(form.q), format="csc")
        settings = clarabel.DefaultSettings()
        settings.verbose = False
        if limit_s is not None:
            settings.time_limit = limit_s
        settings.presolve_enable = False  # else it takes no new data
        self._first = np.array([0])
        self._solver = clarabel.DefaultSolver(
            form.hessian,
            form.q,
            sparse.vstack([form.equal, unit, -unit], format="csc"),
            np.concatenate([form.e, form.upper, -form.lower]),
            [clarabel.ZeroConeT(len(form.e)), clarabel.NonnegativeConeT(2 * len(form.q))],
            settings,
        )

    def step(self, demand: float) -> None:
        self._solver.update(b=(self._first, np.array([demand])))
        self._result = self._solver.solve()

    def powers(self) -> Array:
        self._check(self._result.status == clarabel.SolverStatus.Solved, self._result.status)
        return np.array(self._result.x)[: self._n]


class Piqp(Rival):
    """PIQP, sparse: an interior point solver, updated; its dense form was slower at any n."""

    name = "PIQP"
    package = "piqp"

    def __init__(self, site: Instance, limit_s: float | None = None) -> None:
        self._n = site.n
        form = _Sparse(site)
        self._e = form.e
        self._solver = piqp.SparseSolver()
        self._solver.settings.verbose = False
        self._solver.setup(
            form.hessian, form.q, form.equal, form.e, None, None, None, form.lower, form.upper
        )

    def step(self, demand: float) -> None:
        self._e[0] = demand
        self._solver.update(b=self._e)
        self._solver.solve()

    def powers(self) -> Array:
        status = self._solver.result.info.status
        self._check(status == piqp.PIQP_SOLVED, status)
        return np.array(self._solver.result.x)[: self._n]


class Daqp(Rival):
    """DAQP: a dual active-set solver for small dense problems, warm from its last active set."""

    name = "DAQP"
    package = "daqp"
    largest_n = 5000

    def __init__(self, site: Instance, limit_s: float | None = None) -> None:
        assert site.groups is None
        self._lower = np.concatenate([site.lo, [site.demand]])
        self._upper = np.concatenate([site.hi, [site.demand]])
        sense = np.zeros(site.n + 1, dtype=np.int32)
        sense[-1] = 5  # an equality
        self._solver = daqp.Model()
        self._solver.setup(
            np.diag(site.a), site.b, np.ones((1, site.n)), self._upper, self._lower, sense
        )

    def step(self, demand: float) -> None:
        self._lower[-1] = self._upper[-1] = demand
        self._solver.update(bupper=self._upper, blower=self._lower)
        self._x, _, self._flag, _ = self._solver.solve()

    def powers(self) -> Array:
        self._check(self._flag == 1, f"exit flag {self._flag}")
        return np.array(self._x)


@contextmanager
def _silence() -> Iterator[None]:
    """Keep C code from writing to the terminal: HiGHS greets before it can be told not to."""
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


class Highs(Rival):
    """HiGHS, its active-set QP solver: the model kept, one row bound changed."""

    name = "HiGHS QP"
    package = "highspy"

    def __init__(self, site: Instance, limit_s: float | None = None) -> None:
        assert site.groups is None
        n = site.n
        model = highspy.HighsModel()
        lp, hessian = model.lp_, model.hessian_
        lp.num_col_, lp.num_row_ = n, 1
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = site.b, site.lo, site.hi
        lp.row_lower_ = lp.row_upper_ = np.array([site.demand])
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.array([0, n])
        lp.a_matrix_.index_, lp.a_matrix_.value_ = np.arange(n), np.ones(n)
        hessian.dim_, hessian.format_ = n, highspy.HessianFormat.kTriangular
        hessian.start_, hessian.index_ = np.arange(n + 1), np.arange(n)
        hessian.value_ = site.a
        with _silence():
            self._solver = highspy.Highs()
        self._solver.setOptionValue("output_flag", False)
        self._solver.setOptionValue("qp_allow_hot_start", True)
        # All a > 0: without it the answer is exact instead of off by 1e-6, and no slower.
        self._solver.setOptionValue("qp_regularization_value", 0.0)
        self._solver.passModel(model)

    def step(self, demand: float) -> None:
        self._solver.changeRowBounds(0, demand, demand)
        self._solver.run()

    def powers(self) -> Array:
        status = self._solver.getModelStatus()
        self._check(status == highspy.HighsModelStatus.kOptimal, status)
        return np.array(self._solver.getSolution().col_value)


ALL: tuple[type[Rival], ...] = (OsqpDefault, OsqpPolish, Clarabel, Piqp, Daqp, Highs)
PACKAGES = sorted({rival.package for rival in ALL})
