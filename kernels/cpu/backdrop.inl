// What is behind all Gaussians; see splatworker/train/backdrop.py.

namespace splat {
namespace SPLAT_ISA {

// What the pixels of a tile, the first at (x0, y0), show where nothing is before it.
static void behind_all(const Background &background, const Camera &camera, int x0, int y0,
                       float (&color)[3][kTile][kTile]) {
    const float *r = camera.rotation;
    const int count = (background.degree + 1) * (background.degree + 1);
    for (int row = 0; row < kTile; ++row)
        for (int column = 0; column < kTile; ++column) {
            if (background.degree == 0) {
                for (int c = 0; c < 3; ++c) color[c][row][column] = background.values[c];
                continue;
            }
            const float x = (x0 + column + 0.5f - camera.cx) / camera.fx, y = (y0 + row + 0.5f - camera.cy) / camera.fy;
            const float inverse = 1.0f / __builtin_sqrtf(x * x + y * y + 1.0f);
            float basis[16];
            harmonics((r[0] * x + r[3] * y + r[6]) * inverse, (r[1] * x + r[4] * y + r[7]) * inverse,
                      (r[2] * x + r[5] * y + r[8]) * inverse, background.degree, basis);
            for (int c = 0; c < 3; ++c) {
                float value = 0.5f;
                for (int k = 0; k < count; ++k) value += basis[k] * background.values[3 * k + c];
                color[c][row][column] = value > 0 ? value : 0.0f;
            }
        }
}

}  // namespace SPLAT_ISA
}  // namespace splat
