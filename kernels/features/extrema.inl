// Where a difference of Gaussians is above all of its 26 neighbours, or below them, and clearly not zero.

int extrema(const float *const rows[3][3], int width, float least, int32_t *found) {
    int count = 0;
    for (int x = 1; x < width - 1; x += kLanes) {
        const Vec here = load(rows[1][1] + x);
        const Vec size = here < 0 ? -here : here;
        if (!bits_of(size >= all(least))) continue;
        Ints high = here >= all(least), low = here <= all(-least);
        for (int turn = 0; turn < 3; ++turn) {
            const int d = (turn + 1) % 3;  // the pixel's own difference first: it decides most
            for (int row = 0; row < 3; ++row)
                for (int dx = -1; dx <= 1; ++dx) {
                    if (d == 1 && row == 1 && dx == 0) continue;
                    const Vec neighbour = load(rows[d][row] + x + dx);
                    // Of equals the first one is meant: those before it must be beaten, those after it reached.
                    const bool before = d != 1 ? d < 1 : row != 1 ? row < 1 : dx < 0;
                    high &= before ? here > neighbour : here >= neighbour;
                    low &= before ? here < neighbour : here <= neighbour;
                }
            if (!bits_of(high | low)) break;
        }
        int bits = bits_of(high | low);
        if (width - 1 - x < kLanes) bits &= (1 << (width - 1 - x)) - 1;
        for (; bits; bits &= bits - 1) found[count++] = x + __builtin_ctz(bits);
    }
    return count;
}
