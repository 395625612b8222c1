#pragma once
#include <nanobind/nanobind.h>

// Adds mean_grey, plane_sweep and confirm to the module.
void bind_plane_sweep(nanobind::module_ &m);
