/* The loops that every watt goes through, many rows at a time.

   A row's reply to a price of base + delta is its optimum there:

       p = clip(((base - b) + delta) * inverse_a, lo, hi)

   A linear row (a == 0) has inverse_a = +inf, and IEEE arithmetic does the case analysis: the
   product is -inf, +inf or, exactly at its own price, NaN, which fails every comparison and so
   leaves p at lo: the reply is the limit from the left. Then the sum of slopes is +inf.

   The same bits whatever the machine: wide vectors or narrow ones, the additions are those of
   LANES (or MOST_LANES) columns in the same order, and no product is fused with a sum
   (-ffp-contract=off). Which kind runs is chosen once, when the module loads.

   Rows come in whole blocks: n is a multiple of LANES, from LONG on a multiple of CHUNK. Padding
   rows have lo = hi = inverse_a = b = 0. */
#ifndef NANSHA_LANES_H
#define NANSHA_LANES_H

#include <stdint.h>
#include <string.h>

#define NANSHA_INLINE static inline __attribute__((always_inline))

enum { LANES = 8, MOST_LANES = 16, CHUNK = 128, LONG = 4096 };

typedef struct {
    double head, tail; /* sum of the replies, to twice the precision of a double */
    double slope;      /* sum of inverse_a of the rows strictly inside their range; inf at a tie */
    double top;        /* largest |p| */
} nansha_sums;

/* Where nansha_bracket puts the rows that it picks. */
typedef struct {
    int32_t *row;
    double *b, *inverse_a, *lo, *hi;
    int64_t room;
} nansha_members;

#if defined(__clang__) /* it sees the permutation in the loop */
#define SHUFFLE(v, from) ({ __typeof__(v) to_; \
    for (int k_ = 0; k_ < WIDTH; k_++) to_[k_] = (v)[(from)[k_]]; to_; })
#else
#define SHUFFLE(v, from) __builtin_shuffle(v, from)
#endif

#if defined(__x86_64__)
#include <immintrin.h>

#define WIDTH 2
#define LANE(name) nansha_##name##_narrow
#define GREATER(x, y) _mm_max_pd(x, y)
#define SMALLER(x, y) _mm_min_pd(x, y)
#define BITS(mask) (unsigned)_mm_movemask_pd((__m128d)(mask))
#include "lanes_loops.h"

#if defined(__GNUC__) && !defined(__clang__)
#define NANSHA_MANY_KINDS
#pragma GCC push_options
#pragma GCC target("avx2")
#define WIDTH 4
#define LANE(name) nansha_##name##_avx2
#define GREATER(x, y) _mm256_max_pd(x, y)
#define SMALLER(x, y) _mm256_min_pd(x, y)
#define BITS(mask) (unsigned)_mm256_movemask_pd((__m256d)(mask))
#include "lanes_loops.h"
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl")
#define WIDTH 8
#define LANE(name) nansha_##name##_avx512
#define GREATER(x, y) _mm512_max_pd(x, y)
#define SMALLER(x, y) _mm512_min_pd(x, y)
#define BITS(mask) (unsigned)_mm512_movepi64_mask((__m512i)(mask))
#include "lanes_loops.h"
#pragma GCC pop_options
#endif

#else /* any other machine: the compiler's own vectors of two */
#define WIDTH 2
#define LANE(name) nansha_##name##_narrow
#define PICK(mask, x, y) (LANE(vec))(((LANE(mask))(x) & (mask)) | ((LANE(mask))(y) & ~(mask)))
#define GREATER(x, y) PICK((x) > (y), x, y)
#define SMALLER(x, y) PICK((x) < (y), x, y)
#define BITS(mask) (unsigned)(((mask)[0] & 1) | ((mask)[1] & 2))
#include "lanes_loops.h"
#undef PICK
#endif

/* Writes the replies of n rows at base + delta and sums them. */
static void (*nansha_fill)(const double *b, const double *inverse_a, const double *lo,
                           const double *hi, double *p, int64_t n, double base, double delta,
                           nansha_sums *out) = nansha_fill_narrow;

/* Sums what is one line from price `low` to price `high`, and picks the other rows.
   Rows inside their range at both prices follow a line, rows at one bound at both are constant:
   together out->head + out->tail at `low`, rising with out->slope. All other rows go into
   `members`; returns how many, or -1 when these have no room. n is a multiple of CHUNK. */
static int64_t (*nansha_bracket)(const double *b, const double *inverse_a, const double *lo,
                                 const double *hi, int64_t n, double low, double high,
                                 const nansha_members *members,
                                 nansha_sums *out) = nansha_bracket_narrow;

/* The memory limit: the least that can be done with the same five arrays. */
static void (*nansha_stream)(const double *b, const double *inverse_a, const double *lo,
                             const double *hi, double *p, int64_t n) = nansha_stream_narrow;

/* Takes the widest vectors that this machine has, of at most `most` doubles; returns their width. */
static int nansha_choose_lanes(int most) {
    nansha_fill = nansha_fill_narrow;
    nansha_bracket = nansha_bracket_narrow;
    nansha_stream = nansha_stream_narrow;
#ifdef NANSHA_MANY_KINDS
    __builtin_cpu_init();
    if (most >= 8 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
        nansha_fill = nansha_fill_avx512;
        nansha_bracket = nansha_bracket_avx512;
        nansha_stream = nansha_stream_avx512;
        return 8;
    }
    if (most >= 4 && __builtin_cpu_supports("avx2")) {
        nansha_fill = nansha_fill_avx2;
        nansha_bracket = nansha_bracket_avx2;
        nansha_stream = nansha_stream_avx2;
        return 4;
    }
#endif
    (void)most;
    return 2;
}

#endif
