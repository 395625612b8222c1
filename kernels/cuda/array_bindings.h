// Memory and kernels for arrays, for Python; see array_bindings.cpp.
#pragma once
#include <nanobind/nanobind.h>

void bind_arrays(nanobind::module_ &m);
