#pragma once

#include "lintorch/core/json.h"

#include <string>

namespace lintorch::train {

/// Throws ConfigError naming every setting in which a run and its continuation differ and may not.
/// saved, now: TrainerConfig as JSON. What only decides how often something is written, how a run is watched or shared out
/// over ranks may change, and so may `steps`
/// while the learning rate does not depend on it.
void check_same_trainer_config(const Json& saved, const Json& now);

/// The same for TrainUnit::identity; every key counts. what: the unit's name.
void check_same_identity(const Json& saved, const Json& now, const std::string& what);

}  // namespace lintorch::train
