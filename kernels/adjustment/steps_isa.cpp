// The loops for one instruction set, ADJUSTMENT_ISA: compiled once for each. No standard library templates in here, or the
// linker might let another caller use a copy built for a processor that is not there.
#if defined(_OPENMP)
#include <omp.h>
#endif

#include "eight.h"
#include "point.h"
#include "problem.h"
#include "vector.h"

#define NAME_OF(isa) isa##_steps
#define STEPS_OF(isa) NAME_OF(isa)
#define TEXT_OF(isa) #isa
#define ISA_TEXT(isa) TEXT_OF(isa)

namespace adjustment {
namespace {

int64_t thread_number() {
#if defined(_OPENMP)
    return omp_get_thread_num();
#else
    return 0;
#endif
}

#include "cholesky.inl"
#include "steps.inl"

}  // namespace

const Steps &STEPS_OF(ADJUSTMENT_ISA)() {
    static const Steps steps = {ISA_TEXT(ADJUSTMENT_ISA), build, solve, advance, cost};
    return steps;
}

}  // namespace adjustment
