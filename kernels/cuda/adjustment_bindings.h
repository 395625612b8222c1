#pragma once
#include <nanobind/nanobind.h>

// Adds the function adjust to the module.
void bind_adjustment(nanobind::module_ &m);
