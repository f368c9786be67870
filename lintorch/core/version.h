#pragma once

namespace lintorch {

/// Version of the library, e.g. "0.1.0".
const char* version();

/// Abbreviated git commit at configure time, with "-dirty" if the tree had changes; "unknown" outside a checkout.
const char* git_commit();

}  // namespace lintorch
