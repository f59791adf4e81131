/* The loops of lanes.h, written once for vectors of WIDTH doubles; included once a machine kind.
   Needs WIDTH, LANE(name), GREATER, SMALLER (the second operand where one is NaN) and BITS(mask). */

typedef double LANE(vec) __attribute__((vector_size(8 * WIDTH)));
typedef int64_t LANE(mask) __attribute__((vector_size(8 * WIDTH)));

NANSHA_INLINE LANE(vec) LANE(load)(const double *x) {
    LANE(vec) v;
    memcpy(&v, x, sizeof v);
    return v;
}

NANSHA_INLINE LANE(vec) LANE(all)(double x) {
    LANE(vec) v;
    for (int k = 0; k < WIDTH; k++) v[k] = x;
    return v;
}

/* The columns from `half` on, in front; what comes behind does not matter. */
NANSHA_INLINE LANE(vec) LANE(down)(LANE(vec) v, const int half) {
    LANE(mask) from;
    for (int k = 0; k < WIDTH; k++) from[k] = (k + half) & (WIDTH - 1);
    return SHUFFLE(v, from);
}

NANSHA_INLINE void LANE(join)(LANE(vec) *head, LANE(vec) *rest, LANE(vec) x, LANE(vec) x_rest) {
    LANE(vec) t = *head + x, z = t - *head;
    *rest += x_rest + ((*head - (t - z)) + (x - z));
    *head = t;
}

/* Adds up all columns into the first, half by half, and keeps what that rounds off. */
NANSHA_INLINE void LANE(fold)(LANE(vec) *head, LANE(vec) *rest, LANE(vec) *slope, LANE(vec) *top,
                              const int vectors) {
#pragma GCC unroll 4
    for (int half = vectors / 2; half; half /= 2)
#pragma GCC unroll 4
        for (int r = 0; r < half; r++) {
            LANE(join)(&head[r], &rest[r], head[r + half], rest[r + half]);
            slope[r] += slope[r + half];
            top[r] = GREATER(top[r], top[r + half]);
        }
#pragma GCC unroll 4
    for (int half = WIDTH / 2; half; half /= 2) {
        LANE(join)(head, rest, LANE(down)(*head, half), LANE(down)(*rest, half));
        *slope += LANE(down)(*slope, half);
        *top = GREATER(*top, LANE(down)(*top, half));
    }
}

/* The replies of n rows and their sums: 2 vectors x LANES rows of state. `exact`: every addition
   keeps what it rounds off; else only those between chunks of CHUNK rows do. */
NANSHA_INLINE void LANE(fill_rows)(const double *restrict b, const double *restrict inverse_a,
                                   const double *restrict lo, const double *restrict hi,
                                   double *restrict p, int64_t n, double base, double delta,
                                   nansha_sums *out, const int lanes, const int exact) {
    const LANE(vec) from = LANE(all)(base), by = LANE(all)(delta);
    const LANE(mask) no_sign = (LANE(mask))(LANE(vec)){0} + INT64_MAX;
    LANE(vec) head[MOST_LANES / WIDTH], tail[MOST_LANES / WIDTH], slope[MOST_LANES / WIDTH],
        top[MOST_LANES / WIDTH], part[MOST_LANES / WIDTH];
    const int vectors = lanes / WIDTH;
    const int64_t chunk = exact ? lanes : CHUNK;
    for (int r = 0; r < vectors; r++) head[r] = tail[r] = slope[r] = top[r] = (LANE(vec)){0};
    for (int64_t start = 0; start < n; start += chunk) {
        for (int r = 0; r < vectors; r++) part[r] = (LANE(vec)){0};
        for (int64_t i = start; i < start + chunk; i += lanes) {
#pragma GCC unroll 8
            for (int r = 0; r < vectors; r++) {
                const int64_t j = i + r * WIDTH;
                LANE(vec) rate = LANE(load)(inverse_a + j);
                LANE(vec) least = LANE(load)(lo + j), most = LANE(load)(hi + j);
                LANE(vec) free = ((from - LANE(load)(b + j)) + by) * rate;
                LANE(vec) q = SMALLER(GREATER(free, least), most);
                memcpy(p + j, &q, sizeof q);
                LANE(mask) inside = ~(free <= least) & ~(free >= most); /* NaN counts as inside */
                slope[r] += (LANE(vec))((LANE(mask))rate & inside);
                top[r] = GREATER(top[r], (LANE(vec))((LANE(mask))q & no_sign));
                part[r] = exact ? q : part[r] + q;
            }
        }
#pragma GCC unroll 8
        for (int r = 0; r < vectors; r++) {
            LANE(vec) t = head[r] + part[r], z = t - head[r];
            tail[r] += (head[r] - (t - z)) + (part[r] - z);
            head[r] = t;
        }
    }
    LANE(fold)(head, tail, slope, top, vectors);
    out->head = head[0][0];
    out->tail = tail[0][0];
    out->slope = slope[0][0];
    out->top = top[0][0];
}

static void LANE(fill)(const double *b, const double *inverse_a, const double *lo,
                       const double *hi, double *p, int64_t n, double base, double delta,
                       nansha_sums *out) {
    if (n < LONG)
        LANE(fill_rows)(b, inverse_a, lo, hi, p, n, base, delta, out, LANES, 1);
    else
        LANE(fill_rows)(b, inverse_a, lo, hi, p, n, base, delta, out, MOST_LANES, 0);
}

static int64_t LANE(bracket)(const double *restrict b, const double *restrict inverse_a,
                             const double *restrict lo, const double *restrict hi, int64_t n,
                             double low, double high, const nansha_members *members,
                             nansha_sums *out) {
    enum { VECTORS = MOST_LANES / WIDTH };
    const LANE(vec) left = LANE(all)(low), right = LANE(all)(high);
    LANE(vec) head[VECTORS], tail[VECTORS], slope[VECTORS], part[VECTORS];
    const nansha_members to = *members;
    int64_t count = 0;
    for (int r = 0; r < VECTORS; r++) head[r] = tail[r] = slope[r] = (LANE(vec)){0};
    for (int64_t start = 0; start < n; start += CHUNK) {
        for (int r = 0; r < VECTORS; r++) part[r] = (LANE(vec)){0};
        for (int64_t i = start; i < start + CHUNK; i += MOST_LANES) {
#pragma GCC unroll 8
            for (int r = 0; r < VECTORS; r++) {
                const int64_t j = i + r * WIDTH;
                LANE(vec) cost = LANE(load)(b + j), rate = LANE(load)(inverse_a + j);
                LANE(vec) least = LANE(load)(lo + j), most = LANE(load)(hi + j);
                LANE(vec) p = (left - cost) * rate, q = (right - cost) * rate;
                LANE(mask) line = (p > least) & (q < most);
                LANE(mask) same = line | (p >= most) | (q <= least);
                LANE(vec) reply = SMALLER(GREATER(p, least), most);
                part[r] += (LANE(vec))((LANE(mask))reply & same);
                slope[r] += (LANE(vec))((LANE(mask))rate & line);
                unsigned other = ~BITS(same) & ((1u << WIDTH) - 1);
                if (__builtin_expect(other != 0, 0)) {
                    if (count + WIDTH > to.room) return -1;
                    do {
                        const int64_t k = j + __builtin_ctz(other);
                        to.row[count] = (int32_t)k;
                        to.b[count] = b[k];
                        to.inverse_a[count] = inverse_a[k];
                        to.lo[count] = lo[k];
                        to.hi[count++] = hi[k];
                        other &= other - 1;
                    } while (other);
                }
            }
        }
#pragma GCC unroll 8
        for (int r = 0; r < VECTORS; r++) {
            LANE(vec) t = head[r] + part[r], z = t - head[r];
            tail[r] += (head[r] - (t - z)) + (part[r] - z);
            head[r] = t;
        }
    }
    LANE(fold)(head, tail, slope, part, VECTORS);
    out->head = head[0][0];
    out->tail = tail[0][0];
    out->slope = slope[0][0];
    out->top = 0.0;
    return count;
}

static void LANE(stream)(const double *restrict b, const double *restrict inverse_a,
                         const double *restrict lo, const double *restrict hi, double *restrict p,
                         int64_t n) {
    for (int64_t i = 0; i < n; i += WIDTH) {
        LANE(vec) x = (LANE(load)(b + i) + LANE(load)(inverse_a + i)) +
                      (LANE(load)(lo + i) + LANE(load)(hi + i));
        memcpy(p + i, &x, sizeof x);
    }
}

#undef WIDTH
#undef LANE
#undef GREATER
#undef SMALLER
#undef BITS
