#include "lintorch/train/alarms.h"

#include <catch2/catch.hpp>

#include <limits>

#include "lintorch/core/error.h"

namespace lintorch::train {
namespace {

AlarmConfig spikes() {
  AlarmConfig config;
  config.loss_factor = 3;
  config.grad_norm_factor = 10;
  config.held_out_factor = 2;
  config.window = 5;
  config.min_points = 3;
  return config;
}

std::map<std::string, double> point(double loss, double norm = 1.0) { return {{"loss", loss}, {"grad_norm", norm}}; }

TEST_CASE("a value above its running median times the factor is an alarm and stays out of the median", "[alarms]") {
  AlarmWatch watch(spikes());
  for (const double loss : {1.0, 100.0, 2.0}) CHECK_FALSE(watch.observe("", point(loss)));  // too few to judge
  CHECK_FALSE(watch.observe("", point(6.0)));                                               // median of 1, 2, 100
  const auto alarm = watch.observe("", point(18.5));                                        // of 1, 2, 6, 100: 6
  REQUIRE(alarm);
  CHECK(alarm->fatal);
  CHECK(alarm->reason.find("loss 18.5 is 3.1 times its median") == 0);
  CHECK(watch.observe("", point(18.5)));
  CHECK_FALSE(watch.observe("", point(1.0)));
  CHECK_FALSE(watch.observe("", point(1.0)));  // the oldest of 6 has left: 100, 2, 6, 1, 1
  CHECK(watch.observe("", point(6.1)));
  const auto norm = watch.observe("", point(1.0, 10.5));
  REQUIRE(norm);
  CHECK(norm->reason.find("grad_norm") == 0);
}

TEST_CASE("a new phase starts new medians", "[alarms]") {
  AlarmWatch watch(spikes());
  for (int i = 0; i < 5; ++i) CHECK_FALSE(watch.observe("warmup", point(1e-3)));
  for (int i = 0; i < 5; ++i) CHECK_FALSE(watch.observe("transfer", point(1.0)));
  CHECK(watch.observe("transfer", point(4.0)));
}

TEST_CASE("held-out metrics are watched where they are measured", "[alarms]") {
  AlarmWatch watch(spikes());
  for (int i = 0; i < 9; ++i) {
    auto means = point(1.0);
    if (i % 3 == 0) means["held_out/velocity_mse"] = 0.1;
    CHECK_FALSE(watch.observe("", means));
  }
  auto means = point(1.0);
  means["held_out/velocity_mse"] = 0.21;
  const auto alarm = watch.observe("", means);
  REQUIRE(alarm);
  CHECK(alarm->reason.find("held_out/velocity_mse") == 0);
}

TEST_CASE("a watch continues from its saved state", "[alarms]") {
  AlarmWatch whole(spikes()), first(spikes()), second(spikes());
  for (const double loss : {1.0, 2.0, 3.0}) {
    CHECK_FALSE(whole.observe("a", point(loss)));
    CHECK_FALSE(first.observe("a", point(loss)));
  }
  second.load_state(Json::parse(first.state().dump()));
  CHECK(second.observe("a", point(6.5))->reason == whole.observe("a", point(6.5))->reason);
  CHECK(second.state() == whole.state());
}

TEST_CASE("values that are not finite enter no median and no checkpoint", "[alarms]") {
  AlarmWatch watch(spikes());
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  for (const double loss : {1.0, nan, 2.0, inf, 3.0}) CHECK_FALSE(watch.observe("a", point(loss)));
  AlarmWatch again(spikes());
  again.load_state(Json::parse(watch.state().dump()));
  CHECK(again.observe("a", point(6.5))->reason.find("loss 6.5 is 3.2 times its median of the last 3") == 0);
  // As checkpoints of before hold them.
  again.load_state(Json::parse(R"({"phase": "a", "windows": {"loss": [1, null, 2, 3]}})"));
  CHECK(again.observe("a", point(6.5)));
}

TEST_CASE("factors of one or less and windows too short are refused", "[alarms]") {
  auto config = spikes();
  config.loss_factor = 1;
  CHECK_THROWS_WITH(config.validate("alarms"), Catch::Contains("alarms.loss_factor"));
  config = spikes();
  config.min_points = 6;
  CHECK_THROWS_WITH(config.validate("alarms"), Catch::Contains("alarms.min_points"));
}

}  // namespace
}  // namespace lintorch::train
