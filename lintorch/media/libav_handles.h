#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/error.h>
#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <string>

#include "lintorch/core/error.h"

namespace lintorch::media::detail {

/// Owners of libav objects: each type with the function that frees it.
template <class T, void (*Free)(T**)>
struct FreePointer {
  void operator()(T* pointer) const { Free(&pointer); }
};
struct FreeScaler {
  void operator()(SwsContext* pointer) const { sws_freeContext(pointer); }
};
struct FreeMuxer {
  void operator()(AVFormatContext* pointer) const {
    if (pointer->pb != nullptr) avio_closep(&pointer->pb);
    avformat_free_context(pointer);
  }
};
using Frame = std::unique_ptr<AVFrame, FreePointer<AVFrame, av_frame_free>>;
using Packet = std::unique_ptr<AVPacket, FreePointer<AVPacket, av_packet_free>>;
using Codec = std::unique_ptr<AVCodecContext, FreePointer<AVCodecContext, avcodec_free_context>>;
using Demuxer = std::unique_ptr<AVFormatContext, FreePointer<AVFormatContext, avformat_close_input>>;
using Muxer = std::unique_ptr<AVFormatContext, FreeMuxer>;
using Scaler = std::unique_ptr<SwsContext, FreeScaler>;

inline std::string libav_error(int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof(text));
  return text;
}

/// Throws IoError "[where] file: what: libav's words" for a negative result; returns it otherwise.
inline int check_libav(int result, const char* where, const std::string& file, const char* what) {
  LT_CHECK(result >= 0, IoError, "[{}] {}: {}: {}", where, file, what, libav_error(result));
  return result;
}

/// libav writes to stderr by itself; keep it to errors.
inline void quiet_libav() { av_log_set_level(AV_LOG_ERROR); }

}  // namespace lintorch::media::detail
