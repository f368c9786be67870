target_sources(lintorch PRIVATE
  attention.cpp
  block.cpp
  block_observer.cpp
  config.cpp
  dit.cpp
  dit_checkpoint.cpp
  dit_key_map.cpp
  dit_original_config.cpp
  dit_shapes.cpp
  flops.cpp
  fp8.cpp)
set_source_files_properties(config.cpp flops.cpp TARGET_DIRECTORY lintorch PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
