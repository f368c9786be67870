#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>

#include "lintorch/core/error.h"
#include "lintorch/media/container.h"
#include "lintorch/media/libav_handles.h"

namespace lintorch::media::detail {

namespace {

Demuxer open_input(const std::string& file, const char* where) {
  quiet_libav();
  const bool sequence = file.find("%05d") != std::string::npos && !std::filesystem::exists(file);
  const AVInputFormat* format = sequence ? av_find_input_format("image2") : nullptr;
  AVFormatContext* context = nullptr;
  check_libav(avformat_open_input(&context, file.c_str(), format, nullptr), where, file, "cannot open");
  return Demuxer(context);
}

class RgbConverter {
 public:
  at::Tensor convert(const AVFrame& frame, const std::string& file) {
    if (scaler_ == nullptr || frame.width != width_ || frame.height != height_ || frame.format != format_) {
      constexpr int kQuality = SWS_BICUBIC | SWS_FULL_CHR_H_INT | SWS_ACCURATE_RND;
      width_ = frame.width;
      height_ = frame.height;
      format_ = frame.format;
      scaler_.reset(sws_getContext(width_, height_, static_cast<AVPixelFormat>(format_), width_, height_,
                                   AV_PIX_FMT_RGB24, kQuality, nullptr, nullptr, nullptr));
      LT_CHECK(scaler_ != nullptr, IoError, "[read_video] {}: cannot convert the pixel format {} to RGB", file,
               format_);
      const int colors = frame.colorspace == AVCOL_SPC_BT709 ? SWS_CS_ITU709 : SWS_CS_DEFAULT;
      const int full_range = frame.color_range == AVCOL_RANGE_JPEG ? 1 : 0;
      sws_setColorspaceDetails(scaler_.get(), sws_getCoefficients(colors), full_range,
                               sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16);
    }
    // swscale writes whole vectors: it gets rows with room at their end.
    const int64_t row = (int64_t{width_} * 3 + 63) / 64 * 64;
    at::Tensor padded = at::empty({height_ + 1, row}, at::kByte);
    uint8_t* const planes[1] = {padded.mutable_data_ptr<uint8_t>()};
    const int strides[1] = {static_cast<int>(row)};
    sws_scale(scaler_.get(), frame.data, frame.linesize, 0, height_, planes, strides);
    return padded.slice(0, 0, height_).slice(1, 0, int64_t{width_} * 3).reshape({height_, width_, 3}).clone();
  }

 private:
  Scaler scaler_;
  int width_ = 0, height_ = 0, format_ = -1;
};

}  // namespace

at::Tensor decode_video(const std::string& file, VideoInfo* info) {
  constexpr const char* kWhere = "read_video";
  const Demuxer demuxer = open_input(file, kWhere);
  check_libav(avformat_find_stream_info(demuxer.get(), nullptr), kWhere, file, "cannot read the streams");
  const AVCodec* decoder = nullptr;
  const int index = check_libav(av_find_best_stream(demuxer.get(), AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0), kWhere,
                                file, "no video stream");
  const AVStream* stream = demuxer->streams[index];
  const Codec codec(avcodec_alloc_context3(decoder));
  LT_CHECK(codec != nullptr, IoError, "[read_video] out of memory");
  check_libav(avcodec_parameters_to_context(codec.get(), stream->codecpar), kWhere, file, "codec parameters");
  check_libav(avcodec_open2(codec.get(), decoder, nullptr), kWhere, file, "cannot open the decoder");
  if (info != nullptr) {
    info->fps = av_q2d(stream->avg_frame_rate);
    info->codec = decoder->name;
  }

  const Packet packet(av_packet_alloc());
  const Frame frame(av_frame_alloc());
  LT_CHECK(packet != nullptr && frame != nullptr, IoError, "[read_video] out of memory");
  RgbConverter converter;
  std::vector<at::Tensor> frames;
  bool draining = false;
  while (true) {
    const int received = avcodec_receive_frame(codec.get(), frame.get());
    if (received == AVERROR_EOF) break;
    if (received >= 0) {
      frames.push_back(converter.convert(*frame, file));
      LT_CHECK(frames.back().sizes() == frames.front().sizes(), IoError, "[read_video] {}: frames of different sizes",
               file);
      continue;
    }
    if (received != AVERROR(EAGAIN)) check_libav(received, kWhere, file, "cannot decode");
    LT_CHECK(!draining, IoError, "[read_video] {}: the decoder wants more than the file has", file);
    const int read = av_read_frame(demuxer.get(), packet.get());
    if (read == AVERROR_EOF) {
      check_libav(avcodec_send_packet(codec.get(), nullptr), kWhere, file, "cannot decode");
      draining = true;
      continue;
    }
    check_libav(read, kWhere, file, "cannot read");
    if (packet->stream_index == index) {
      check_libav(avcodec_send_packet(codec.get(), packet.get()), kWhere, file, "cannot decode");
    }
    av_packet_unref(packet.get());
  }
  LT_CHECK(!frames.empty(), IoError, "[read_video] {} has no frames", file);
  return at::stack(frames);
}

std::string read_comment(const std::filesystem::path& path) {
  const Demuxer demuxer = open_input(path.string(), "read_video_metadata");
  const AVDictionaryEntry* entry = av_dict_get(demuxer->metadata, "comment", nullptr, 0);
  return entry == nullptr ? std::string() : std::string(entry->value);
}

}  // namespace lintorch::media::detail
