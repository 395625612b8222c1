#include "planes.h"

#include <cstring>

namespace splat {

const uint8_t *four_bytes_each(const ArrowSchema &schema, const ArrowArray &array, int64_t pixels) {
    // "+w:4" is a list of four of each, "C" a byte.
    if (!schema.release || std::strcmp(schema.format, "+w:4") || schema.n_children != 1 ||
        std::strcmp(schema.children[0]->format, "C"))
        return nullptr;
    if (!array.release || array.length != pixels || array.offset != 0 || array.n_children != 1) return nullptr;
    const ArrowArray &bytes = *array.children[0];
    if (bytes.length != 4 * pixels || bytes.offset != 0 || bytes.n_buffers != 2) return nullptr;
    return static_cast<const uint8_t *>(bytes.buffers[1]);
}

void planes_of(const uint8_t *__restrict rgbx, int64_t pixels, uint8_t *__restrict planes) {
    uint8_t *red = planes, *green = red + pixels, *blue = green + pixels;
    for (int64_t k = 0; k < pixels; ++k) {
        red[k] = rgbx[4 * k];
        green[k] = rgbx[4 * k + 1];
        blue[k] = rgbx[4 * k + 2];
    }
}

void pixels_of(const uint8_t *__restrict rgbx, int64_t pixels, uint8_t *__restrict rgb) {
    for (int64_t k = 0; k < pixels; ++k)
        for (int c = 0; c < 3; ++c) rgb[3 * k + c] = rgbx[4 * k + c];
}

}  // namespace splat
