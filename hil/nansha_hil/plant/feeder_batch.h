/* Scenarios from `first` to before `end`; work has room for (2 nodes + loads) phases complex numbers
   of FEEDER_LANES scenarios. */
static void FEEDER(batch)(const feeder_net *net, const double *start_v, const double *s,
                         double *bus_v, int32_t *passes, int64_t first, int64_t end,
                         double *work) {
    const int width = 2 * net->phases;
    const size_t nodes = (size_t)net->nodes * width * FEEDER_LANES;
    double *v = work, *j = v + nodes, *load = j + nodes;
    const size_t in = (size_t)net->loads * width, out = (size_t)net->buses * width;
    for (int64_t at = first; at < end; at += FEEDER_LANES) {
        const int count = end - at < FEEDER_LANES ? (int)(end - at) : FEEDER_LANES;
        for (int w = 0; w < FEEDER_LANES; w++) { /* lanes that are not needed repeat the last */
            const double *from = s + (size_t)(at + (w < count ? w : count - 1)) * in;
            for (size_t c = 0; c < in; c++)
                load[c * FEEDER_LANES + w] = from[c];
        }
        for (int c = 0; c < net->nodes * width; c++)
            for (int w = 0; w < FEEDER_LANES; w++)
                v[(size_t)c * FEEDER_LANES + w] = start_v[c];
        int32_t took[FEEDER_LANES];
        FEEDER(solve)(net, (LANE *)v, (LANE *)j, (const LANE *)load, took,
                      bus_v + (size_t)at * out, out, count);
        memcpy(passes + at, took, (size_t)count * sizeof(int32_t));
    }
}
