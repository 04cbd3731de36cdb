// The script that makes load with Locust, and the configuration that it reads.
//
// The script (sluice_load.py beside this header) is part of the program: the operator writes it into a ConfigMap, so
// it always fits the operator that judges its result.
#pragma once

#include <string>
#include <string_view>

#include "api/load_test.h"

namespace sluice::loadtest {

// Text of sluice_load.py. Lives as long as the program.
std::string_view load_script();

// Value of the environment variable SLUICE_LOAD_TEST, JSON in one line:
//
//   {"steps":[{"seconds":30,"rate":20}],"windowSeconds":1,"warmUpSeconds":2,"protocol":"V2","path":"",
//    "model":"digits","payload":"/sluice-payload/images.json","locustfile":""}
//
// protocol, path, model and payload are those of the built-in users, empty where the spec says nothing and for a
// Job of another tool. locustfile is where the user's own one is mounted.
std::string load_config(const api::LoadTestStage& stage);

}  // namespace sluice::loadtest
