// What takes the steps of an adjustment: processors or a GPU. Whoever it is, a step has the same bits.
#pragma once
#include <functional>
#include <limits>
#include <memory>

#include "problem.h"

namespace adjustment {

// What became of a step.
struct Trial {
    bool is_solved = false;  // the damped system is positive definite
    double promised = 0;     // the decrease that the linear model promises
    double cost = std::numeric_limits<double>::infinity();
};

class Solver {
public:
    virtual ~Solver() = default;
    // Half the sum of the losses where things are; infinite where a point is not in front of a camera that sees it.
    virtual double cost() = 0;
    // Linearize where things are, solve with that much damping, and look at where this leads.
    virtual Trial step(double damping) = 0;
    // Where the last step has led is where things are.
    virtual void take() = 0;
    // Poses, lenses and points to the arrays of `state`; the poses' matrices may be left as they are.
    virtual void read(const State &state) = 0;
};

// Gets the problem, whose arrays outlive the solver, and where things are at first.
using MakeSolver = std::function<std::unique_ptr<Solver>(const Structure &, const State &)>;

// By so many threads.
MakeSolver on_processors(const Steps &steps, int threads);

}  // namespace adjustment
