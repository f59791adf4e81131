/* One backward/forward sweep after the other, for SETS vectors of scenarios at once; included once
   for each kind of LANE by feeder_lanes.h. A complex number lies as its real parts, then its
   imaginary ones, SETS LANEs each: a tree is a chain of sums, and a second set fills its waits.

   A lane does what a single scenario does, addition by addition, and no product is fused with a
   sum: the same bits whatever the width. The lanes go on until each has its answer or has lost it;
   took: the pass after which a lane had its own, 0 if it never did. */

#define RE(at) ((2 * (at)) * SETS + h)
#define IM(at) ((2 * (at) + 1) * SETS + h)

/* From |V|^2 to what a load's power is multiplied with: its ZIP shares at |V|, over |V|^2. */
FEEDER_INLINE void FEEDER(weigh)(const feeder_net *net, int k, LANE *load) {
    enum { WIDE = sizeof(LANE) / sizeof(double) };
    const LANE square = *load;
    LANE gain = 1.0 / square;
    if (net->zip) {
        const double *share = net->zip + 3 * k;
        const double unit = net->nominal_v;
        gain = share[2] * gain + share[0] / (unit * unit);
        if (share[1] != 0.0) {
            LANE root = square;
            for (int w = 0; w < WIDE; w++)
                ((double *)&root)[w] = sqrt(((const double *)&root)[w]);
            gain += share[1] / (unit * root);
        }
    }
    *load = gain;
}

FEEDER_INLINE void FEEDER(sweep)(const feeder_net *net, int ph, LANE *restrict v,
                                 LANE *restrict j, const LANE *restrict s, int32_t *took) {
    enum { WIDE = sizeof(LANE) / sizeof(double) };
    const int n = net->nodes;
    const double enough = net->tolerance * net->tolerance;
    for (int w = 0; w < SETS * WIDE; w++)
        took[w] = 0;
    for (int pass = 1; pass <= FEEDER_PASSES; pass++) {
        memset(j, 0, (size_t)n * ph * 2 * SETS * sizeof(LANE));
        for (int k = 0; k < net->loads; k++) { /* I = conj(S / V) */
            const int at = net->load_node[k] * ph;
            for (int p = 0; p < ph; p++)
                for (int h = 0; h < SETS; h++) {
                    const LANE re = v[RE(at + p)], im = v[IM(at + p)];
                    LANE gain = re * re + im * im;
                    FEEDER(weigh)(net, k, &gain);
                    const LANE p_va = s[RE(k * ph + p)], q_va = s[IM(k * ph + p)];
                    j[RE(at + p)] -= (p_va * re + q_va * im) * gain;
                    j[IM(at + p)] -= (p_va * im - q_va * re) * gain;
                }
        }
        for (int k = n - 1; k > 0; k--) {
            LANE *up = j + (size_t)net->parent[k] * ph * 2 * SETS;
            const LANE *flow = j + (size_t)k * ph * 2 * SETS;
            for (int c = 0; c < 2 * ph * SETS; c++)
                up[c] += flow[c];
        }
        LANE off[SETS];
        for (int h = 0; h < SETS; h++)
            off[h] = j[h] * 0.0;
        for (int k = 1; k < n; k++) {
            const LANE *from = v + (size_t)net->parent[k] * ph * 2 * SETS;
            const double *z = net->z_ohm + 2 * (size_t)k * ph * ph;
            const LANE *flow = j + (size_t)k * ph * 2 * SETS;
            LANE *to = v + (size_t)k * ph * 2 * SETS;
            for (int p = 0; p < ph; p++)
                for (int h = 0; h < SETS; h++) {
                    LANE re = from[RE(p)], im = from[IM(p)];
                    for (int q = 0; q < ph; q++) {
                        const double r = z[2 * (p * ph + q)], x = z[2 * (p * ph + q) + 1];
                        re -= r * flow[RE(q)] - x * flow[IM(q)];
                        im -= r * flow[IM(q)] + x * flow[RE(q)];
                    }
                    const LANE dre = re - to[RE(p)], dim = im - to[IM(p)];
                    off[h] += dre * dre + dim * dim;
                    to[RE(p)] = re;
                    to[IM(p)] = im;
                }
        }
        int open = 0; /* NaN, where a voltage has collapsed, is never within the tolerance */
        for (int w = 0; w < SETS * WIDE; w++) {
            const double change = ((const double *)off)[w];
            if (took[w] == 0 && change <= enough)
                took[w] = pass;
            open |= took[w] == 0 && change == change;
        }
        if (!open)
            return;
    }
}

/* Voltages of all buses from those of the kept nodes: a bus between two of them lies on the line. */
FEEDER_INLINE void FEEDER(spread)(const feeder_net *net, int ph, const LANE *v, const LANE *j,
                                  double *out, size_t stride, int count) {
    enum { WIDE = sizeof(LANE) / sizeof(double) };
    for (int b = 0; b < net->buses; b++) {
        const int down = net->bus_down[b];
        const LANE *from = v + (size_t)net->bus_up[b] * ph * 2 * SETS;
        const LANE *flow = j + (size_t)(down < 0 ? 0 : down) * ph * 2 * SETS;
        const double *z = net->bus_z_ohm + 2 * (size_t)b * ph * ph;
        for (int p = 0; p < ph; p++)
            for (int h = 0; h < SETS; h++) {
                LANE re = from[RE(p)], im = from[IM(p)];
                if (down >= 0)
                    for (int q = 0; q < ph; q++) {
                        const double r = z[2 * (p * ph + q)], x = z[2 * (p * ph + q) + 1];
                        re -= r * flow[RE(q)] - x * flow[IM(q)];
                        im -= r * flow[IM(q)] + x * flow[RE(q)];
                    }
                double *to = out + 2 * (b * ph + p) + (size_t)h * WIDE * stride;
                for (int w = 0; w < WIDE && h * WIDE + w < count; w++, to += stride) {
                    to[0] = ((const double *)&re)[w];
                    to[1] = ((const double *)&im)[w];
                }
            }
    }
}

FEEDER_INLINE void FEEDER(solve)(const feeder_net *net, LANE *v, LANE *j, const LANE *s,
                                 int32_t *took, double *out, size_t stride, int count) {
    if (net->phases == 1) {
        FEEDER(sweep)(net, 1, v, j, s, took);
        FEEDER(spread)(net, 1, v, j, out, stride, count);
    } else {
        FEEDER(sweep)(net, 3, v, j, s, took);
        FEEDER(spread)(net, 3, v, j, out, stride, count);
    }
}

#undef RE
#undef IM
