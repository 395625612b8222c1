// Bundle adjustment on a GPU, for host code.
#pragma once
#include "../adjustment/solver.h"

namespace splat {

// A solver whose steps the device takes, with the bits of adjustment::on_processors. Lenses that are fisheyes and Cauchy's
// loss it refuses (std::invalid_argument): an arc tangent and a logarithm have other bits on a GPU. Solvers and making one
// throw Unusable, or std::runtime_error, also where the GPU's memory is too small: about 600 bytes an observation, 20 for each
// two photos of a point, and the system, which has 75 MB at most.
adjustment::MakeSolver on_gpu(int device);

}  // namespace splat
