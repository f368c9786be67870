#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lintorch/core/enum_names.h"

namespace lintorch::linvideo {

/// Training objective: velocity matching (Eq. 7), anytime distribution matching (Eq. 11-13), or distribution matching at
/// t = 0 only.
enum class ObjectiveKind { kMse, kAdm, kDmd };

/// How ADM forms the sample x^_t from a state x_{t'}: an Euler step of the student, or its x^_0 noised again.
enum class AdmReading { kEuler, kRenoise };

/// Weight of the velocity difference in the ADM gradient d.
enum class AdmWeight { kUniform, kScore, kX0Normalized };

/// Whose output gives the student's score s^_t: its own, that of an average of its weights, or that of a network trained
/// for it.
enum class ScoreSource { kSelf, kEma, kNetwork };

/// Where training states x_t come from.
enum class StateSource { kStored, kOnPolicy, kOnline };

/// Anytime distribution matching (paper Sec. 4.2).
struct AdmConfig {
  AdmReading reading = AdmReading::kEuler;
  double euler_step = 0.005;
  AdmWeight weight = AdmWeight::kScore;
  double min_t = 0.02;
  double max_t = 0.98;
  double scale = 1.0;
  ScoreSource score = ScoreSource::kSelf;
  double score_ema_decay = 0.99;

  template <class V>
  void visit(V& v) {
    v("reading", reading, "how x^_t is made: euler (a step of the student) or renoise (its x^_0, noised again)");
    v("euler_step", euler_step, "reading euler: t' - t in flow time; 0 = the distance to the next grid time");
    v("weight", weight, "weight of u - u^ in d: uniform 1, score (1-t)/t, or DMD's normalization in x_0 space");
    v("min_t", min_t, "lowest t in the weight and for renoise, in (0,1)");
    v("max_t", max_t, "highest t in the weight and for renoise, in (0,1)");
    v("scale", scale, "factor on L_ADM; 1/euler_step makes its gradient on u^ comparable with that of L_mse");
    v("score", score,
      "the student's score: from itself, from an average of its weights (ema), or from a network trained for it "
      "(objective.score_network)");
    v("score_ema_decay", score_ema_decay, "score ema: decay of the average, in (0,1)");
  }
  void validate(const std::string& path) const;
};

/// Distribution matching at t = 0 only (DMD), the rival of the paper's objective table.
struct DmdConfig {
  double min_t = 0.02;
  double max_t = 0.98;
  double scale = 1.0;

  template <class V>
  void visit(V& v) {
    v("min_t", min_t, "lowest t at which x^_0 is noised and judged, in (0,1)");
    v("max_t", max_t, "highest t at which x^_0 is noised and judged, in (0,1)");
    v("scale", scale, "factor on L_DMD");
  }
  void validate(const std::string& path) const;
};

/// The network that learns the student's score, for objective dmd and for objective adm with score network.
struct ScoreNetworkConfig {
  double lr = 1e-5;
  int64_t updates = 1;

  template <class V>
  void visit(V& v) {
    v("lr", lr, "learning rate of the score network, constant");
    v("updates", updates, "its updates per step of the student");
  }
  void validate(const std::string& path) const;
};

/// How the teacher samples the states of a run that has none stored (states online).
struct OnlineConfig {
  std::string prompts = "prompts.txt";
  std::optional<std::string> size;
  std::optional<int64_t> frames;
  std::optional<int64_t> steps;
  std::optional<double> shift;
  std::optional<double> guidance;
  std::optional<std::string> negative_prompt;
  int64_t start_trajectories = 2;

  template <class V>
  void visit(V& v) {
    v("prompts", prompts, "text file, one prompt per line; the last validation.trajectories of them are held out");
    v("size", size, "WIDTHxHEIGHT in pixels; null = the model's");
    v("frames", frames, "pixel frames, 1 + a multiple of the VAE's temporal factor; null = the model's");
    v("steps", steps, "Euler steps of a trajectory; null = the model's");
    v("shift", shift, "time shift; null = the model's");
    v("guidance", guidance, "classifier-free guidance scale; 1 = off; null = the model's");
    v("negative_prompt", negative_prompt, "text of the unconditional branch; null = the model's");
    v("start_trajectories", start_trajectories,
      "trajectories sampled before the first step, over whose states the pool's members are spread");
  }
  void validate(const std::string& path) const;
};

/// What the student is trained to match.
struct ObjectiveConfig {
  ObjectiveKind kind = ObjectiveKind::kMse;
  AdmConfig adm;
  DmdConfig dmd;
  ScoreNetworkConfig score_network;
  double mse_anchor = 0.0;
  double feature_weight = 0.0;
  bool features_during_choice = false;
  StateSource states = StateSource::kStored;
  int64_t pool_size = 64;
  OnlineConfig online;
  double prompt_drop = 0.2;

  template <class V>
  void visit(V& v) {
    v("kind", kind, "training objective");
    v("adm", adm);
    v("dmd", dmd);
    v("score_network", score_network);
    v("mse_anchor", mse_anchor, "weight of L_mse added to L_ADM or L_DMD at the same states; 0 = off");
    v("feature_weight", feature_weight,
      "weight of the relative error of the hidden states after each block; 0 = off. Costs a forward of the teacher");
    v("features_during_choice", features_during_choice,
      "match hidden states also while the gates move; an early layer's error is in all later states, so that the gates "
      "then prefer late layers");
    v("states", states,
      "teacher states stored by lintorch-collect, a rolling pool of the student's own trajectories, or one of the "
      "teacher's that needs no collection");
    v("pool_size", pool_size, "states on_policy, online: trajectories in flight, on the device");
    v("online", online);
    v("prompt_drop", prompt_drop, "share of the samples that match the unconditional branch, in [0,1]");
  }
  void validate(const std::string& path) const;
};

}  // namespace lintorch::linvideo

template <>
struct lintorch::EnumNames<lintorch::linvideo::ObjectiveKind> {
  using E = lintorch::linvideo::ObjectiveKind;
  static constexpr std::pair<E, std::string_view> table[] = {{E::kMse, "mse"}, {E::kAdm, "adm"}, {E::kDmd, "dmd"}};
};

template <>
struct lintorch::EnumNames<lintorch::linvideo::AdmReading> {
  using E = lintorch::linvideo::AdmReading;
  static constexpr std::pair<E, std::string_view> table[] = {{E::kEuler, "euler"}, {E::kRenoise, "renoise"}};
};

template <>
struct lintorch::EnumNames<lintorch::linvideo::AdmWeight> {
  using E = lintorch::linvideo::AdmWeight;
  static constexpr std::pair<E, std::string_view> table[] = {
      {E::kUniform, "uniform"}, {E::kScore, "score"}, {E::kX0Normalized, "x0_normalized"}};
};

template <>
struct lintorch::EnumNames<lintorch::linvideo::ScoreSource> {
  using E = lintorch::linvideo::ScoreSource;
  static constexpr std::pair<E, std::string_view> table[] = {
      {E::kSelf, "self"}, {E::kEma, "ema"}, {E::kNetwork, "network"}};
};

template <>
struct lintorch::EnumNames<lintorch::linvideo::StateSource> {
  using E = lintorch::linvideo::StateSource;
  static constexpr std::pair<E, std::string_view> table[] = {
      {E::kStored, "stored"}, {E::kOnPolicy, "on_policy"}, {E::kOnline, "online"}};
};
