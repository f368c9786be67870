#include "lintorch/linvideo/config.h"

#include <catch2/catch.hpp>

#include "lintorch/core/config_fields.h"
#include "lintorch/linvideo/collect_config.h"

using namespace lintorch;
using namespace lintorch::linvideo;

namespace {

template <class Config>
void refuses(const std::string& assignment, const std::string& message) {
  INFO(assignment);
  CHECK_THROWS_WITH(load_config<Config>({}, {assignment}), Catch::Contains(message));
}

}  // namespace

TEST_CASE("linearization configs survive the round trip through JSON", "[linvideo_config]") {
  LinearizeConfig config;
  config.objective.kind = ObjectiveKind::kAdm;
  config.selective_transfer.selection = SelectionKind::kManual;
  config.selective_transfer.linear_layers = {1, 2};
  CHECK(config_to_json(config_from_json<LinearizeConfig>(config_to_json(config))) == config_to_json(config));
  CHECK(config_to_json(config_from_json<CollectConfig>(Json::object())) == config_to_json(CollectConfig{}));
}

TEST_CASE("values outside their range are refused by name", "[linvideo_config]") {
  refuses<LinearizeConfig>("selective_transfer.target=-1", "selective_transfer.target");
  refuses<LinearizeConfig>("selective_transfer.init=1.5", "selective_transfer.init");
  refuses<LinearizeConfig>("selective_transfer.linear_layers=[1]", "unless selection is manual");
  refuses<LinearizeConfig>("selective_transfer.freeze_fraction=0", "freeze_fraction");
  refuses<LinearizeConfig>("selective_transfer.selection=best", "learned|manual|first|last|uniform|random|greedy");
  refuses<LinearizeConfig>("selective_transfer.measured_states=0", "selective_transfer.measured_states");
  refuses<LinearizeConfig>("trainable=none", "all|attention|maps|lora");
  refuses<LinearizeConfig>("lora.rank=0", "lora.rank");
  refuses<LinearizeConfig>("lora.alpha=0", "lora.alpha");
  refuses<LinearizeConfig>("lora.modules=[]", "lora.modules");
  refuses<LinearizeConfig>("objective.adm.max_t=0.01", "objective.adm.max_t");
  refuses<LinearizeConfig>("objective.adm.euler_step=1", "objective.adm.euler_step");
  refuses<LinearizeConfig>("objective.prompt_drop=2", "objective.prompt_drop");
  refuses<LinearizeConfig>("objective.kind=kl", "mse|adm|dmd");
  refuses<LinearizeConfig>("objective.adm.score=teacher", "self|ema|network");
  refuses<LinearizeConfig>("objective.adm.score_ema_decay=1", "objective.adm.score_ema_decay");
  refuses<LinearizeConfig>("objective.dmd.min_t=0", "objective.dmd.min_t");
  refuses<LinearizeConfig>("objective.dmd.max_t=0.01", "objective.dmd.max_t");
  refuses<LinearizeConfig>("objective.dmd.scale=0", "objective.dmd.scale");
  refuses<LinearizeConfig>("objective.score_network.lr=0", "objective.score_network.lr");
  refuses<LinearizeConfig>("objective.score_network.updates=0", "objective.score_network.updates");
  refuses<LinearizeConfig>("batch_size=0", "batch_size");
  refuses<CollectConfig>("steps=0", "steps");
  refuses<CollectConfig>("storage_dtype=fp8", "fp32|fp16|bf16");
  refuses<CollectConfig>("trajectories_per_shard=0", "trajectories_per_shard");
  refuses<ExportConfig>("dtype=fp64", "bf16|fp32");
}
