extern "C" {
#include <libavutil/opt.h>
}

#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/media/container.h"
#include "lintorch/media/libav_handles.h"

namespace lintorch::media::detail {

namespace {

constexpr const char* kWhere = "write_video";

const AVCodec* find_encoder(const std::string& requested) {
  if (!requested.empty()) {
    const AVCodec* codec = avcodec_find_encoder_by_name(requested.c_str());
    LT_CHECK(codec != nullptr && codec->type == AVMEDIA_TYPE_VIDEO, NotSupportedError,
             "[write_video] this FFmpeg has no video encoder '{}'", requested);
    return codec;
  }
  if (const AVCodec* codec = avcodec_find_encoder_by_name("libx264")) return codec;
  const AVCodec* codec = avcodec_find_encoder_by_name("mpeg4");
  LT_CHECK(codec != nullptr, NotSupportedError,
           "[write_video] this FFmpeg has neither libx264 nor mpeg4; use a .gif, or a folder name for PNG frames");
  log_warning("this FFmpeg has no libx264; writing MPEG-4 part 2, which browsers do not play");
  return codec;
}

Codec open_encoder(const AVCodec* encoder, int width, int height, const VideoOptions& options, bool global_header,
                   const std::string& file) {
  Codec codec(avcodec_alloc_context3(encoder));
  LT_CHECK(codec != nullptr, IoError, "[write_video] out of memory");
  codec->width = width;
  codec->height = height;
  codec->pix_fmt = AV_PIX_FMT_YUV420P;
  codec->framerate = av_d2q(options.fps, 60000);
  codec->time_base = av_inv_q(codec->framerate);
  codec->color_range = AVCOL_RANGE_MPEG;
  codec->colorspace = AVCOL_SPC_BT709;
  codec->color_primaries = AVCOL_PRI_BT709;
  codec->color_trc = AVCOL_TRC_BT709;
  if (global_header) codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  if (av_opt_find(codec->priv_data, "crf", nullptr, 0, 0) != nullptr) {
    check_libav(av_opt_set_double(codec->priv_data, "crf", options.crf, 0), kWhere, file, "crf");
  } else {
    // Encoders without a constant rate factor get a constant quantizer: crf 17 maps to 3, about as good to the eye.
    codec->flags |= AV_CODEC_FLAG_QSCALE;
    codec->global_quality = FF_QP2LAMBDA * std::clamp(options.crf / 5, 1, 31);
  }
  check_libav(avcodec_open2(codec.get(), encoder, nullptr), kWhere, file, "cannot open the encoder");
  return codec;
}

class Mp4Writer {
 public:
  Mp4Writer(const std::string& file, int width, int height, const VideoOptions& options, const std::string& comment)
      : file_(file), width_(width), height_(height) {
    AVFormatContext* context = nullptr;
    check_libav(avformat_alloc_output_context2(&context, nullptr, "mp4", file.c_str()), kWhere, file_, "mp4");
    muxer_.reset(context);
    const bool global_header = (context->oformat->flags & AVFMT_GLOBALHEADER) != 0;
    // 4:2:0 stores one colour sample per 2x2 pixels: sizes must be even.
    codec_ = open_encoder(find_encoder(options.encoder), width + width % 2, height + height % 2, options, global_header,
                          file_);
    stream_ = avformat_new_stream(context, nullptr);
    LT_CHECK(stream_ != nullptr, IoError, "[write_video] out of memory");
    stream_->time_base = codec_->time_base;
    stream_->avg_frame_rate = codec_->framerate;
    check_libav(avcodec_parameters_from_context(stream_->codecpar, codec_.get()), kWhere, file_, "codec parameters");
    if (!comment.empty()) av_dict_set(&context->metadata, "comment", comment.c_str(), 0);
    check_libav(avio_open(&context->pb, file.c_str(), AVIO_FLAG_WRITE), kWhere, file_, "cannot create the file");
    AVDictionary* flags = nullptr;
    av_dict_set(&flags, "movflags", "+faststart", 0);
    const int result = avformat_write_header(context, &flags);
    av_dict_free(&flags);
    check_libav(result, kWhere, file_, "cannot write the header");

    constexpr int kQuality = SWS_BICUBIC | SWS_FULL_CHR_H_INP | SWS_ACCURATE_RND;
    scaler_.reset(sws_getContext(codec_->width, codec_->height, AV_PIX_FMT_RGB24, codec_->width, codec_->height,
                                 AV_PIX_FMT_YUV420P, kQuality, nullptr, nullptr, nullptr));
    LT_CHECK(scaler_ != nullptr, IoError, "[write_video] cannot convert {}x{} RGB to YUV", width_, height_);
    const int* bt709 = sws_getCoefficients(SWS_CS_ITU709);
    sws_setColorspaceDetails(scaler_.get(), bt709, 1, bt709, 0, 0, 1 << 16, 1 << 16);
    packet_.reset(av_packet_alloc());
    frame_.reset(av_frame_alloc());
    LT_CHECK(packet_ != nullptr && frame_ != nullptr, IoError, "[write_video] out of memory");
    frame_->format = AV_PIX_FMT_YUV420P;
    frame_->width = codec_->width;
    frame_->height = codec_->height;
    check_libav(av_frame_get_buffer(frame_.get(), 0), kWhere, file_, "frame buffer");
    padded_.resize(static_cast<size_t>(codec_->width) * codec_->height * 3);
  }

  void add(const uint8_t* rgb, int64_t index) {
    pad(rgb);
    check_libav(av_frame_make_writable(frame_.get()), kWhere, file_, "frame buffer");
    const uint8_t* const planes[1] = {padded_.data()};
    const int strides[1] = {codec_->width * 3};
    sws_scale(scaler_.get(), planes, strides, 0, codec_->height, frame_->data, frame_->linesize);
    frame_->pts = index;
    frame_->quality = codec_->global_quality;
    encode(frame_.get());
  }

  void finish() {
    encode(nullptr);
    check_libav(av_write_trailer(muxer_.get()), kWhere, file_, "cannot finish the file");
    check_libav(avio_closep(&muxer_->pb), kWhere, file_, "cannot finish the file");
  }

 private:
  // Repeats the last column and row where the size is odd.
  void pad(const uint8_t* rgb) {
    const size_t source_stride = static_cast<size_t>(width_) * 3;
    const size_t stride = static_cast<size_t>(codec_->width) * 3;
    for (int y = 0; y < codec_->height; ++y) {
      const uint8_t* source = rgb + static_cast<size_t>(std::min(y, height_ - 1)) * source_stride;
      uint8_t* target = padded_.data() + static_cast<size_t>(y) * stride;
      std::copy_n(source, source_stride, target);
      if (stride > source_stride) std::copy_n(source + source_stride - 3, 3, target + source_stride);
    }
  }

  void encode(const AVFrame* frame) {
    check_libav(avcodec_send_frame(codec_.get(), frame), kWhere, file_, "cannot encode a frame");
    while (true) {
      const int result = avcodec_receive_packet(codec_.get(), packet_.get());
      if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) return;
      check_libav(result, kWhere, file_, "cannot encode a frame");
      packet_->duration = 1;
      av_packet_rescale_ts(packet_.get(), codec_->time_base, stream_->time_base);
      packet_->stream_index = stream_->index;
      check_libav(av_interleaved_write_frame(muxer_.get(), packet_.get()), kWhere, file_, "cannot write a frame");
    }
  }

  std::string file_;
  int width_, height_;
  Muxer muxer_;
  Codec codec_;
  AVStream* stream_ = nullptr;  // owned by muxer_
  Scaler scaler_;
  Packet packet_;
  Frame frame_;
  std::vector<uint8_t> padded_;
};

}  // namespace

bool has_ffmpeg() { return true; }

void encode_mp4(const std::filesystem::path& path, const at::Tensor& frames_FHWC, const VideoOptions& options,
                const std::string& comment) {
  quiet_libav();
  const int64_t height = frames_FHWC.size(1);
  const int64_t width = frames_FHWC.size(2);
  LT_CHECK(height <= 16384 && width <= 16384, Error, "[write_video] expected at most 16384 pixels a side, got {}x{}",
           width, height);
  if (height % 2 != 0 || width % 2 != 0) {
    log_warning("{}x{} is odd; the mp4 repeats the last {}", width, height,
                height % 2 == 0  ? "column"
                : width % 2 == 0 ? "row"
                                 : "row and column");
  }
  Mp4Writer writer(path.string(), static_cast<int>(width), static_cast<int>(height), options, comment);
  const auto* rgb = frames_FHWC.const_data_ptr<uint8_t>();
  for (int64_t i = 0; i < frames_FHWC.size(0); ++i) writer.add(rgb + i * height * width * 3, i);
  writer.finish();
}

}  // namespace lintorch::media::detail
