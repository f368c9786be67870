#include "lintorch/train/ema.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"

namespace lintorch::train {
namespace {

TEST_CASE("averages follow min(decay, (1 + n) / (10 + n)) and groups count their own updates", "[ema]") {
  auto p = at::zeros({2}).requires_grad_(), q = at::zeros({1}).requires_grad_(), r = at::zeros({1}).requires_grad_();
  Ema ema({{.name = "a", .parameters = {{"p", p}}},
           {.name = "b", .parameters = {{"q", q}}},
           {.name = "c", .parameters = {{"r", r}}, .ema = false}},
          0.5);
  at::NoGradGuard no_grad;
  double expected = 0;
  for (int n = 0; n < 40; ++n) {
    p.fill_(n + 1);
    q.fill_(n + 1);
    ema.update({true, n >= 38, true});
    const double decay = n == 0 ? 0.0 : std::min(0.5, (1.0 + n) / (10.0 + n));
    expected = decay * expected + (1 - decay) * (n + 1);
    CHECK(ema.state().at("p")[1].item<double>() == Approx(expected));
  }
  CHECK(ema.num_updates() == std::map<std::string, int64_t>{{"a", 40}, {"b", 2}});
  CHECK(ema.state().at("q")[0].item<double>() == Approx(39 * 2.0 / 11 + 40 * 9.0 / 11));
  CHECK_FALSE(ema.state().contains("r"));
}

TEST_CASE("swap exchanges averages and weights, and does nothing before the first update", "[ema]") {
  auto p = at::ones({3}).requires_grad_();
  Ema ema({{.name = "a", .parameters = {{"p", p}}}}, 0.9);
  at::NoGradGuard no_grad;
  p.fill_(5);
  CHECK(ema.state().at("p").equal(at::full({3}, 5.0f)));
  ema.swap();
  CHECK(p.equal(at::full({3}, 5.0f)));
  ema.update({true});
  p.fill_(7);
  ema.swap();
  CHECK(p.equal(at::full({3}, 5.0f)));
  ema.swap();
  CHECK(p.equal(at::full({3}, 7.0f)));
}

TEST_CASE("loading averages refuses what does not fit; a decay of 0 keeps nothing", "[ema]") {
  auto p = at::ones({3}).requires_grad_();
  const std::vector<ParameterGroup> groups = {{.name = "a", .parameters = {{"p", p}}}};
  Ema ema(groups, 0.9);
  CHECK_THROWS_WITH(ema.load_state({{"p", at::zeros({3})}}, {}), Catch::Contains("no averages of the group a"));
  CHECK_THROWS_WITH(ema.load_state({}, {{"a", 1}}), Catch::Contains("no average of p"));
  CHECK_THROWS_AS(ema.load_state({{"p", at::zeros({2})}}, {{"a", 1}}), CheckpointError);
  Ema none(groups, 0.0);
  none.update({true});
  CHECK(none.state().empty());
  CHECK_FALSE(none.enabled());
}

}  // namespace
}  // namespace lintorch::train
