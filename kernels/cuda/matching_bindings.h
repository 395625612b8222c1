#pragma once
#include <nanobind/nanobind.h>

// Adds the class Matcher to the module.
void bind_matching(nanobind::module_ &m);
