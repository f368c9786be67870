#pragma once

namespace lintorch::train {

/// While it lives, SIGINT and SIGTERM set a flag instead of ending the process; a second signal ends it as usual.
/// Only one may live at a time.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  bool requested() const;

 private:
  void (*previous_int_)(int);
  void (*previous_term_)(int);
};

}  // namespace lintorch::train
