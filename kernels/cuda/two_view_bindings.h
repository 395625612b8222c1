// What splatworker._cuda has of two-view geometry.
#pragma once
#include <nanobind/nanobind.h>

void bind_two_view(nanobind::module_ &m);
