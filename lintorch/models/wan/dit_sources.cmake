target_sources(lintorch PRIVATE
  attention.cpp
  block.cpp
  config.cpp
  dit.cpp)
