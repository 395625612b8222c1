// Pixels as they come from decoders, and as training takes them.
#pragma once
#include <cstdint>

namespace splat {

// Arrays as others hand them over in memory: the layouts of Apache Arrow's C data interface
// (https://arrow.apache.org/docs/format/CDataInterface.html). Who exported them frees them.
struct ArrowSchema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    ArrowSchema **children, *dictionary;
    void (*release)(ArrowSchema *);
    void *private_data;
};
struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    ArrowArray **children, *dictionary;
    void (*release)(ArrowArray *);
    void *private_data;
};

// The bytes of `pixels` times four that an array is, or null where it is not.
const uint8_t *four_bytes_each(const ArrowSchema &schema, const ArrowArray &array, int64_t pixels);

// planes[3][pixels] become red, green and blue of rgbx[pixels][4].
void planes_of(const uint8_t *rgbx, int64_t pixels, uint8_t *planes);

// rgb[pixels][3] become the first three of rgbx[pixels][4].
void pixels_of(const uint8_t *rgbx, int64_t pixels, uint8_t *rgb);

}  // namespace splat
