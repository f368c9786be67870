target_sources(lintorch PRIVATE
  attention.cpp
  block.cpp
  config.cpp
  dit.cpp
  dit_checkpoint.cpp
  dit_key_map.cpp)
