#pragma once
#include <nanobind/nanobind.h>

// Adds what kernels/cpu/sightings.h has to a module.
void bind_sightings(nanobind::module_ &m);
