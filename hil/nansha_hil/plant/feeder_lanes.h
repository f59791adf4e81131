/* The loops of the radial power flow: one scenario, or FEEDER_LANES of them side by side. */
#ifndef NANSHA_FEEDER_LANES_H
#define NANSHA_FEEDER_LANES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define FEEDER_INLINE static inline __attribute__((always_inline))

enum { FEEDER_LANES = 8, FEEDER_PASSES = 200 };

typedef struct {
    int phases, nodes, loads, buses;
    double tolerance, nominal_v;
    const int *parent;       /* of each kept node; a parent comes before its children; 0: source */
    const double *z_ohm;     /* phases x phases complex, of the branch above each node */
    const int *load_node;
    const double *zip;       /* constant impedance, current, power share of each load, or NULL */
    const int *bus_up, *bus_down; /* kept nodes around each bus; down < 0: the bus is `up` itself */
    const double *bus_z_ohm; /* from `up` to the bus */
} feeder_net;

typedef double feeder_four __attribute__((vector_size(32), may_alias));

#define LANE double
#define SETS 1
#define FEEDER(name) feeder_##name##_one
#include "feeder_sweep.h"
#undef LANE
#undef SETS
#undef FEEDER

/* The compiler makes machine code of a vector before it inlines: so the loops are compiled once for
   each kind of machine, and the module takes the widest when it loads. Always FEEDER_LANES
   scenarios side by side: they stop together, and so have the same bits on every machine. */
#define LANE feeder_four
#define SETS 2 /* of four make FEEDER_LANES */
#define FEEDER(name) feeder_##name##_narrow
#include "feeder_sweep.h"
#include "feeder_batch.h"
#undef FEEDER

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define FEEDER_MANY_KINDS
#pragma GCC push_options
#pragma GCC target("avx2")
#define FEEDER(name) feeder_##name##_avx2
#include "feeder_sweep.h"
#include "feeder_batch.h"
#undef FEEDER
#pragma GCC pop_options
#endif
#undef LANE
#undef SETS

static void (*feeder_batch)(const feeder_net *, const double *, const double *, double *, int32_t *,
                            int64_t, int64_t, double *) = feeder_batch_narrow;

static void feeder_choose(void) {
#ifdef FEEDER_MANY_KINDS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2"))
        feeder_batch = feeder_batch_avx2;
#endif
}

/* One scenario: s_va of the loads, v of the nodes (warm, the source in node 0). Passes, 0: failed. */
static int feeder_solve(const feeder_net *net, double *v, double *j, const double *s,
                        double *bus_v) {
    int32_t passes;
    feeder_solve_one(net, v, j, s, &passes, bus_v, 0, 1);
    return passes;
}

#endif
