#include "lintorch/dist/group.h"

namespace lintorch::dist {

bool Group::any(bool flag) {
  for (const auto& text : mesh_->gather_text(flag ? "1" : "0"))
    if (text == "1") return true;
  return false;
}

}  // namespace lintorch::dist
