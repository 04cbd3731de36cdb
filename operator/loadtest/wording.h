// Numbers and sentences of a load test, for people.
#pragma once

#include <string>

#include "loadtest/bounds.h"
#include "loadtest/load_judge.h"

namespace sluice::loadtest {

// "312ms", "1.25s": three digits.
std::string time_text(double seconds);
// "80/s".
std::string rate_text(double rate);
// "2 of 5 windows"-like plurals: "1 restart", "3 restarts".
std::string counted(double count, const std::string& what);

// "95% of response times are within 312ms (290ms to 340ms with confidence); at most 300ms is asked for: undecided".
std::string finding_sentence(const CriterionFinding& finding);

}  // namespace sluice::loadtest
